import { accounts_left, type Trick } from '../trick.js'

export const trick: Trick = {
  why: 'A foreign table leads back to the same server under another name.',
  setup: [
    'CREATE EXTENSION postgres_fdw',
    `DO $$ BEGIN EXECUTE format('CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw
     OPTIONS (host %L, port %L, dbname %L)', '127.0.0.1', current_setting('port'), current_database());
   END $$`,
    "CREATE USER MAPPING FOR postgres SERVER loop OPTIONS (user 'postgres')",
    `CREATE FOREIGN TABLE public.weather (id int) SERVER loop
     OPTIONS (schema_name 'secret', table_name 'account')`,
  ],
  sends: ['DELETE FROM public.weather WHERE id = 1'],
  effect: [[accounts_left, '2']],
  trail: [{ class: 'WRITE', object: 'public.weather delete' }],
}

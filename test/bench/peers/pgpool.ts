import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ScratchPostgres } from '../../support/postgres.js'
import { serverIdentity } from '../../support/server-identity.js'
import { unprivilegedDirectory } from '../parts/scratch.js'
import { freePort, Service } from '../parts/service.js'

/** Starts pgpool-II as a relay to one server that logs the statements of all clients. */
export async function startPgpool(
  program: string,
  server: ScratchPostgres,
  connections: number,
): Promise<Service> {
  const directory = unprivilegedDirectory('pgpool')
  const logs = unprivilegedDirectory('pgpool-log')
  const port = await freePort()
  const settings = {
    backend_clustering_mode: 'raw',
    backend_hostname0: server.host,
    backend_port0: server.port,
    backend_weight0: 1,
    listen_addresses: '127.0.0.1',
    port,
    socket_dir: directory,
    pcp_socket_dir: directory,
    pcp_port: await freePort(),
    wd_ipc_socket_dir: directory,
    pid_file_name: join(directory, 'pgpool.pid'),
    logdir: directory,
    num_init_children: connections,
    max_pool: 1,
    reserved_connections: 0,
    // Its connections are the server's, who has room for those of one variant at a time.
    connection_cache: 'off',
    load_balance_mode: 'off',
    enable_pool_hba: 'off',
    sr_check_period: 0,
    health_check_period: 0,
    check_temp_table: 'none',
    check_unlogged_table: 'off',
    log_statement: 'on',
    log_destination: 'stderr',
    logging_collector: 'on',
    log_directory: logs,
    log_filename: 'pgpool.log',
    log_truncate_on_rotation: 'on',
    log_rotation_size: '64MB',
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = '${value}'`)
  const files = { conf: 'pgpool.conf', hba: 'pool_hba.conf', pcp: 'pcp.conf' }
  writeFileSync(join(directory, files.conf), `${lines.join('\n')}\n`)
  writeFileSync(join(directory, files.hba), 'host all all 127.0.0.1/32 trust\n')
  writeFileSync(join(directory, files.pcp), '')
  const line = ['-n', '-f', files.conf, '-a', files.hba, '-F', files.pcp]
  return await Service.start('pgpool', port, program, line, {
    identity: serverIdentity(),
    cwd: directory,
  })
}

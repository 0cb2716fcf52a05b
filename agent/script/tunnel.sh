# The node's end of the tunnel: it keeps a reverse SSH tunnel to the agent up, and sends it the session's reports.
#
#   berth_tunnel_loop              in the background: `berth_tunnel_loop &`
#   berth_watch_ready              in the background: reports `ready` once the service listens
#   berth_tunnel_flush <seconds>   waits, at most so long, until the agent has acted upon all reports
#   berth_tunnel_stop              ends the loop and all it has started
#
# Variables: resource_jobdir, berth_id, berth_node_dir, service_port, service_socket (empty: the port).

const PROGRAM = `import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.recv(65536)
    client.sendall(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
    client.close()`;

/** A service that answers and costs nearly nothing, so that a hundred of them leave the machine to what is measured. */
export const LISTENER = {
  "service.yaml": "title: Listener\n",
  "start_template.sh": `exec python3 -c '${PROGRAM}' "$service_port"\n`,
};

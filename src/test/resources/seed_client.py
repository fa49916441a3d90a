import json
import socket
import struct
import sys

client = socket.socket()
client.connect((sys.argv[1], int(sys.argv[2])))

while True:
    cmd = input('>>> ').strip()
    if not cmd:
        continue
    if cmd == 'quit':
        break
    client.send(cmd.encode('utf-8'))

    header_size = struct.unpack('i', client.recv(4))[0]
    header = json.loads(client.recv(header_size).decode('utf-8'))
    total_size = header['total_size']

    received = b''
    while len(received) < total_size:
        received += client.recv(1024)
    print(received.decode('utf-8'))

client.close()

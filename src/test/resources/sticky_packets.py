"""What a prompt shows after each of three commands, without a header and with one.

Both readers get the same answers, those of the seed listener on the port given.
"""
import json
import socket
import struct
import sys

COMMANDS = ["seq 600", "echo hello", "echo bye"]


def exactly(client, size):
    data = b""
    while len(data) < size:
        piece = client.recv(min(1024, size - len(data)))
        if not piece:
            raise EOFError
        data += piece
    return data


def framed(client, command):
    client.sendall(command.encode())
    header = json.loads(exactly(client, struct.unpack("i", exactly(client, 4))[0]))
    return exactly(client, header["total_size"])


def show(title, shown):
    print(title)
    for command, data in zip(COMMANDS, shown):
        words = data.decode().split()
        if len(words) > 8:
            words[3:-3] = ["..."]
        print(">>> " + command)
        print(" ".join(words))


seed = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
answers = [framed(seed, command) for command in COMMANDS]

sender, reader = socket.socketpair()
read_once = []
for answer in answers:
    sender.sendall(answer)
    read_once.append(reader.recv(1024))

show("# one recv(1024) an answer", read_once)
print()
show("# header, then total_size bytes", answers)

"""Answers the lengths of words after 5 ms, and says how often it was asked."""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNTS = {"upstream_calls": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_POST(self):
        words = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        COUNTS["upstream_calls"] += 1
        time.sleep(0.005)
        self.reply([len(word) for word in words])

    def do_GET(self):
        self.reply(COUNTS)

    def reply(self, value):
        body = json.dumps(value).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

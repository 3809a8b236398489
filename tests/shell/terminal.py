"""The command on a terminal of its own: keys go in, the screen is looked at until it is as awaited."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from screen import Screen

LIMIT_S = 60  # for one condition, on a slow machine under sanitizers


class Terminal:
    def __init__(self, arguments, rows=24, columns=80, directory=None, history=""):
        self.screen = Screen(rows, columns)
        self.received = b""  # all that the program has written
        self.status = None
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            self.become(arguments, directory, history)
        self.set_size(rows, columns)
        self.type("\n")

    @staticmethod
    def become(arguments, directory, history):
        """In the new process: ends it, whatever goes wrong."""
        try:
            os.environ.update(TERM="xterm", TREMULA_HISTORY=history)
            os.environ.pop("LINES", None)
            os.environ.pop("COLUMNS", None)
            if directory:
                os.chdir(directory)
            os.read(0, 1)  # the window has its size now
            os.execv(arguments[0], arguments)
        finally:
            os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.end()
        os.close(self.descriptor)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        self.set_size(rows, columns)  # the kernel tells the program by SIGWINCH

    def memory_peak(self):
        """The most bytes that the program has held so far."""
        with open(f"/proc/{self.pid}/status") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["VmHWM"].split()[0]) << 10

    def type(self, keys):
        os.write(self.descriptor, keys.encode())

    def take(self, seconds):
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.descriptor, 1 << 16)
        except OSError:  # the program has ended
            data = b""
        self.received += data
        self.screen.feed(data)
        return data != b""

    def wait(self, condition, what):
        """Until condition(screen) holds; fails, with the screen, when it takes too long."""
        end = time.monotonic() + LIMIT_S
        while not condition(self.screen):
            if time.monotonic() > end or not self.take(1):
                raise AssertionError(f"waited in vain for {what}; the screen:\n{self.screen.text()}")

    def wait_for(self, text):
        self.wait(lambda screen: text in screen.text(), repr(text))

    def wait_for_prompt(self, typed=""):
        """Until the cursor stands behind an empty prompt, or one with what was typed."""
        awaited = "tremula> " + typed

        def at_prompt(screen):
            line = screen.lines()[screen.row]
            return line == awaited.rstrip() and screen.column == len(awaited)

        self.wait(at_prompt, repr(awaited))

    def run(self, statement):
        self.wait_for_prompt()
        seen = len(self.received)
        self.type(statement + "\n")
        # The prompt of before is gone as soon as the line was taken.
        self.wait(lambda _: b"\n" in self.received[seen:], "the line to be taken")

    def end(self):
        """Until the program has ended.  Returns: its exit status, or minus the signal."""
        while self.take(1):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status

"""A terminal's screen, as far as the shell uses one: text, the cursor, a scroll region, inverse video.

What a program writes goes in by feed(); lines() is what a person would see.
"""

import unicodedata

WIDE = ("W", "F")


def width_of(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in WIDE else 1


class Screen:
    def __init__(self, rows=24, columns=80):
        self.history = []  # lines that scrolled off the top
        self.pending = b""
        self.resize(rows, columns)
        self.grid = [self.blank() for _ in range(rows)]
        self.row = self.column = 0
        self.saved = (0, 0)
        self.inverse = False

    def resize(self, rows, columns):
        """As most terminals do it: lines are cut or filled, nothing is wrapped anew."""
        old = getattr(self, "grid", [])
        self.rows, self.columns = rows, columns
        self.grid = [(line + self.blank())[:columns] for line in old[-rows:]]
        self.grid += [self.blank() for _ in range(rows - len(self.grid))]
        self.top, self.bottom = 0, rows - 1
        self.row = min(getattr(self, "row", 0), rows - 1)
        self.column = min(getattr(self, "column", 0), columns - 1)

    def blank(self):
        return [(" ", False)] * self.columns

    def lines(self):
        return ["".join(char for char, _ in line).rstrip() for line in self.grid]

    def text(self):
        return "\n".join(self.lines())

    def marked(self):
        """The words that stand in inverse video, from the top."""
        words = []
        for line in self.grid:
            word = ""
            for char, inverse in line + [(" ", False)]:
                if inverse:
                    word += char
                elif word:
                    words.append(word.strip())
                    word = ""
        return words

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        at = 0
        while at < len(data):
            used = self.step(data, at)
            if used == 0:
                self.pending = data[at:]
                return
            at += used

    def step(self, data, at):
        byte = data[at]
        if byte == 0x1B:
            return self.escape(data, at)
        if byte < 0x20 or byte == 0x7F:
            self.control(byte)
            return 1
        size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        if at + size > len(data):
            return 0
        self.put(data[at : at + size].decode("utf-8", "replace"))
        return size

    def control(self, byte):
        if byte == 0x0D:
            self.column = 0
        elif byte == 0x0A:
            self.line_feed()
        elif byte == 0x08:
            self.column = max(0, min(self.column, self.columns - 1) - 1)
        elif byte == 0x09:
            self.column = min(self.columns - 1, self.column // 8 * 8 + 8)

    def put(self, char):
        width = width_of(char)
        if width == 0:
            return
        if self.column + width > self.columns:
            self.column = 0
            self.line_feed()
        self.grid[self.row][self.column] = (char, self.inverse)
        if width == 2:
            self.grid[self.row][self.column + 1] = ("", self.inverse)
        self.column += width  # columns: the next character wraps

    def line_feed(self):
        if self.row != self.bottom:
            self.row = min(self.row + 1, self.rows - 1)
            return
        line = self.grid.pop(self.top)
        if self.top == 0:
            self.history.append("".join(char for char, _ in line).rstrip())
        self.grid.insert(self.bottom, self.blank())

    def escape(self, data, at):
        if at + 1 >= len(data):
            return 0
        kind = chr(data[at + 1])
        if kind == "7":
            self.saved = (self.row, self.column)
        elif kind == "8":
            self.row, self.column = self.saved
        elif kind == "D":
            self.line_feed()
        elif kind in "()":
            return 3 if at + 2 < len(data) else 0
        elif kind == "[":
            return self.sequence(data, at)
        return 2

    def sequence(self, data, at):
        end = at + 2
        while end < len(data) and not 0x40 <= data[end] <= 0x7E:
            end += 1
        if end >= len(data):
            return 0
        text = data[at + 2 : end].decode()
        final = chr(data[end])
        if not text.startswith("?"):
            self.command(final, [int(n) if n else 0 for n in text.split(";")])
        return end - at + 1

    def command(self, final, numbers):
        first = numbers[0]
        count = max(1, first)
        column = min(self.column, self.columns - 1)
        if final == "A":
            self.row = max(0, self.row - count)
        elif final == "B":
            self.row = min(self.rows - 1, self.row + count)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + count)
        elif final == "D":
            self.column = max(0, column - count)
        elif final == "G":
            self.column = count - 1
        elif final == "H":
            self.row = min(self.rows, count) - 1
            self.column = (max(1, numbers[1]) if len(numbers) > 1 else 1) - 1
        elif final == "J":
            self.erase_line(0 if first == 0 else 2)
            for row in range(self.row + 1 if first == 0 else 0, self.rows):
                self.grid[row] = self.blank()
        elif final == "K":
            self.erase_line(first)
        elif final == "r":
            self.top = max(1, first) - 1
            self.bottom = (numbers[1] if len(numbers) > 1 and numbers[1] else self.rows) - 1
            self.row = self.column = 0
        elif final == "m":
            for number in numbers:
                self.inverse = number == 7 or (self.inverse and number not in (0, 27))
        elif final == "P":
            line = self.grid[self.row]
            del line[column : column + count]
            self.grid[self.row] = (line + self.blank())[: self.columns]
        elif final == "@":
            line = self.grid[self.row]
            line[column:column] = [(" ", False)] * count
            self.grid[self.row] = line[: self.columns]
        elif final == "X":
            for i in range(column, min(self.columns, column + count)):
                self.grid[self.row][i] = (" ", False)

    def erase_line(self, how):
        column = min(self.column, self.columns - 1)
        begin = column if how == 0 else 0
        end = column + 1 if how == 1 else self.columns
        for i in range(begin, end):
            self.grid[self.row][i] = (" ", False)

"""Started by Tidemark's worker with the project's own Python: lets dlt extract, and hands over what it extracted.

One request comes as JSON on standard input, events leave as JSON lines on file descriptor 3. Standard output and error
belong to the project's code. Works on Python 3.9 and later and imports nothing but the standard library and dlt.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    # The folder of this file must not stand in the way of a module of the project.
    if sys.path and os.path.abspath(sys.path[0] or ".") == HERE:
        del sys.path[0]
    sys.path.insert(0, HERE)
    try:
        from tidemark_bridge import serve
    finally:
        sys.path.remove(HERE)
    serve.main()


if __name__ == "__main__":
    main()

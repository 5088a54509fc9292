"""The server's commands, a file each: `main(arguments) -> exit code`."""

"""The `audioviz` command line: options become a Project, mistakes become one line."""

"""The `audioviz` command: options become a Project, mistakes become one line."""

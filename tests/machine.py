"""The command on a machine that lacks what Windows lacks, with a fake model: `python -m tests.machine PAUSE ARGUMENTS`.

What audioviz itself imports is changed, not what other packages import, for those have their own ways on each system.
That a file which is open cannot be renamed or removed holds for all. PAUSE is the frame at which the render waits to be
killed, or -1. On Windows nothing is changed.
"""

import builtins
import errno
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import psutil

LACKING = {
    "": """
        crypt curses fcntl grp nis ossaudiodev posix pty pwd readline resource spwd syslog termios tty
    """,
    "os": """
        O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK O_NDELAY O_NOCTTY O_SYNC O_DSYNC O_RSYNC O_ASYNC O_DIRECT O_EXLOCK
        O_EVTONLY O_FSYNC O_LARGEFILE O_NOATIME O_PATH O_SEARCH O_SHLOCK O_TMPFILE
        chflags chown chroot confstr copy_file_range ctermid eventfd fchdir fchmod fchown fdatasync fork forkpty
        fpathconf fstatvfs getegid geteuid getgid getgrouplist getgroups getloadavg getpgid getpgrp getpriority
        getrandom getresgid getresuid getsid getuid getxattr initgroups killpg lchflags lchmod lchown listxattr lockf
        login_tty major makedev memfd_create minor mkfifo mknod nice openpty pathconf pidfd_open pipe2 posix_fadvise
        posix_fallocate posix_openpt posix_spawn posix_spawnp pread preadv pwrite pwritev readv register_at_fork
        removexattr sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid setgid setgroups setns
        setpgid setpgrp setpriority setregid setresgid setresuid setreuid setsid setuid setxattr splice statvfs sync
        sysconf sysconf_names tcgetpgrp tcsetpgrp ttyname uname unshare wait wait3 wait4 waitid writev
        WNOHANG WUNTRACED WCONTINUED WCOREDUMP WEXITSTATUS WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG
    """,
    "signal": """
        SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGTSTP SIGTTIN SIGTTOU
        SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH ITIMER_REAL alarm getitimer pause pidfd_send_signal pthread_kill
        pthread_sigmask setitimer siginterrupt sigpending sigtimedwait sigwait sigwaitinfo
    """,
    "select": "poll epoll kqueue kevent",
    "socket": "AF_UNIX send_fds recv_fds",
    "time": "clock_gettime clock_settime pthread_getcpuclockid tzset",
}
NAMES = {module: frozenset(names.split()) for module, names in LACKING.items()}
MODULES = NAMES.pop("")
BINARY = 1 << 29  # stands for O_BINARY
OPEN_ELSEWHERE = 32  # Windows' number of the error


def lacking_import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
    *,
    real_import=builtins.__import__,
) -> ModuleType:
    """`__import__`, which gives audioviz's modules less than it gives others."""
    importer = str((globals or {}).get("__name__"))
    if importer.partition(".")[0] != "audioviz" or level:
        return real_import(name, globals, locals, fromlist, level)
    if name.partition(".")[0] in MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = real_import(name, globals, locals, fromlist, level)
    return _lacking(module) if module.__name__ in NAMES.keys() | CHANGED.keys() else module


def _lacking(module: ModuleType) -> ModuleType:
    proxy = ModuleType(module.__name__, module.__doc__)
    names = NAMES.get(module.__name__, frozenset())
    vars(proxy).update({name: value for name, value in vars(module).items() if name not in names})
    vars(proxy).update(CHANGED.get(module.__name__, {}))
    return proxy


def _open(path, flags: int, mode: int = 0o777) -> int:
    if Path(path).is_dir():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    assert flags & BINARY, f"{path} is opened as text, whose line ends are translated"
    return os.open(path, flags & ~BINARY, mode)


def _fsync(descriptor: int) -> None:
    import fcntl

    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    os.fsync(descriptor)


def _named_temporary_file(*arguments, delete: bool = True, **options):
    assert not delete, "nobody else can open such a file"
    return tempfile.NamedTemporaryFile(*arguments, delete=delete, **options)


CHANGED: dict[str, dict[str, object]] = {
    "os": {"O_BINARY": BINARY, "open": _open, "fsync": _fsync, "supports_dir_fd": set(), "supports_fd": set()},
    "tempfile": {"NamedTemporaryFile": _named_temporary_file},
}


def _check_closed(path) -> None:
    """A PermissionError, as Windows has it, if we, our children or the renders beside us have a file open."""
    real = os.path.realpath(path)
    above = psutil.Process().parent()
    for process in above.children(recursive=True) if above else ():
        try:
            held = {file.path for file in process.open_files()}
        except psutil.Error:
            continue  # it has just ended
        if real in held:
            error = PermissionError(errno.EACCES, "open elsewhere", str(path))
            error.winerror = OPEN_ELSEWHERE  # type: ignore[attr-defined]
            raise error


def _closed_only(function):
    """One of os that renames or removes, for files that nobody has open."""

    def changed(*paths, dir_fd: int | None = None, **options):
        if dir_fd is None:
            for path in paths:
                _check_closed(path)
            return function(*paths, **options)
        return function(*paths, dir_fd=dir_fd, **options)

    return changed


def arrange() -> None:
    """Make this process such a machine, before audioviz is imported."""
    if sys.platform == "win32":
        return
    builtins.__import__ = lacking_import
    for name in ("remove", "rename", "replace", "unlink"):
        setattr(os, name, _closed_only(getattr(os, name)))


def main(pause: int, arguments: list[str]) -> None:
    """Run the command; the fake model waits when it decodes frame `pause`."""
    import audioviz.models.load
    import audioviz.rendering.make
    from audioviz.command import main
    from tests.models import FakeVae, fake_autoencoder, fake_model

    class Vae(FakeVae):
        decoded = 0

        def decode(self, latent):
            if self.decoded == pause:
                time.sleep(600)
            self.decoded += 1
            return super().decode(latent)

    audioviz.rendering.make.CHUNK_SECONDS = 1
    audioviz.models.load.load_model = lambda *_, **__: replace(fake_model(), autoencoder=fake_autoencoder(Vae()))
    sys.argv = ["audioviz", *arguments]
    main.main()


if __name__ == "__main__":
    arrange()
    main(int(sys.argv[1]), sys.argv[2:])

"""Threads and event loops for a world that has one thread: what can be honest works, the rest says so."""

import asyncio.selector_events
import concurrent.futures
import importlib
import selectors
import sys
import threading
import time
import types


def install() -> None:
    """Replaces what would fail with what can work."""
    threading.Thread.start = _start
    threading.Thread.join = _join
    threading.Thread.is_alive = lambda thread: thread is threading.main_thread() or thread in _running
    threading.stack_size = lambda size=0: 0
    threading.Condition.wait = _wait
    concurrent.futures.ThreadPoolExecutor.submit = _submit
    concurrent.futures.ThreadPoolExecutor.shutdown = _shutdown
    _install_thread_pool()
    selectors.DefaultSelector = _Sleeper
    loop = asyncio.selector_events.BaseSelectorEventLoop
    loop._make_self_pipe = loop._close_self_pipe = loop._write_to_self = lambda self: None


# The threads that have been started and have not ended: each was started by the one before.
_running: list[threading.Thread] = []


def _start(thread: threading.Thread) -> None:
    """Runs the thread to its end, here and now."""
    if not thread._initialized:
        raise RuntimeError("thread.__init__() not called")
    if thread._started.is_set():
        raise RuntimeError("threads can only be started once")
    thread._started.set()
    identity = threading.get_ident()
    starter = threading._active.get(identity)
    thread._ident = identity
    threading._active[identity] = thread
    _running.append(thread)
    try:
        thread.run()
    except SystemExit:
        pass
    except BaseException:
        threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), thread]))
    finally:
        _running.remove(thread)
        threading._active[identity] = starter


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    """A thread that was started has ended, unless it is one that waits for this one."""
    if not thread._started.is_set():
        raise RuntimeError("cannot join thread before it is started")
    if thread in _running or thread is threading.main_thread():
        raise RuntimeError("cannot join a thread that waits for this one: the sandbox has one thread")


def _wait(condition: threading.Condition, timeout: float | None = None) -> bool:
    """Waits in vain: there is nobody to notify. Queues, events, barriers and semaphores all wait here."""
    if not condition._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    if timeout is None:
        raise RuntimeError("this would wait for ever: the sandbox has no other thread")
    if timeout > 0:
        time.sleep(timeout)
    return False


def _submit(pool: concurrent.futures.ThreadPoolExecutor, function, /, *args, **kwargs):
    """Calls the function here and now and returns a future that is done."""
    if pool._shutdown:
        raise RuntimeError("cannot schedule new futures after shutdown")
    if not hasattr(pool, "_worker"):
        pool._worker = pool._create_worker_context()
        pool._worker.initialize()
    future = concurrent.futures.Future()
    future.set_running_or_notify_cancel()
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:
        future.set_exception(error)
    return future


def _shutdown(pool: concurrent.futures.ThreadPoolExecutor, wait=True, *, cancel_futures=False) -> None:
    pool._shutdown = True


def _install_thread_pool() -> None:
    """`multiprocessing.pool` wants processes to be imported; its pool of threads needs none."""
    try:
        pool = importlib.import_module("multiprocessing.pool")
    except ImportError:
        pool = sys.modules["multiprocessing.pool"] = types.ModuleType("multiprocessing.pool")
        multiprocessing = sys.modules.setdefault("multiprocessing", types.ModuleType("multiprocessing"))
        multiprocessing.pool = pool
    pool.ThreadPool = _ThreadPool


class _Done:
    """The result of a call that has been made."""

    def __init__(self, function, callback=None, error_callback=None):
        self._value = self._error = None
        try:
            self._value = function()
        except Exception as error:
            self._error = error
        told = callback if self._error is None else error_callback
        if told:
            told(self._value if self._error is None else self._error)

    def get(self, timeout=None):
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self, timeout=None):
        pass

    def ready(self):
        return True

    def successful(self):
        return self._error is None


class _ThreadPool:
    """`multiprocessing.pool.ThreadPool`, which calls everything here and now."""

    def __init__(self, processes=None, initializer=None, initargs=()):
        if initializer:
            initializer(*initargs)

    def apply(self, func, args=(), kwds={}):
        return func(*args, **kwds)

    def map(self, func, iterable, chunksize=None):
        return [func(item) for item in iterable]

    def starmap(self, func, iterable, chunksize=None):
        return [func(*items) for items in iterable]

    def imap(self, func, iterable, chunksize=1):
        return iter(self.map(func, iterable))

    imap_unordered = imap

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None):
        return _Done(lambda: func(*args, **kwds), callback, error_callback)

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return _Done(lambda: self.map(func, iterable), callback, error_callback)

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return _Done(lambda: self.starmap(func, iterable), callback, error_callback)

    def close(self):
        pass

    terminate = join = close

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class _Sleeper(selectors._BaseSelectorImpl):
    """A selector for an event loop without files: it can only wait for the next timer."""

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("the event loop waits for something that cannot happen: the sandbox has no other thread")
        if timeout > 0:
            time.sleep(timeout)
        return []

import Glibc

/// The calling OS thread.
func currentThread() -> UInt {
    UInt(pthread_self())
}

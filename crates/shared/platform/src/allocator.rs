//! Sets mimalloc as the allocator of every program that links the platform. glibc's allocator took a sixth of the
//! shop's processor time in the benchmark of Whoami (`perf`, release build, 2026-11-22).

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

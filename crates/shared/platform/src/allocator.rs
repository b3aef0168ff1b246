//! The allocator of every program that is linked with the platform. That of glibc took a sixth of the shop's processor time while Whoami was
//! measured (`perf`, release build, 2026-11-22).

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

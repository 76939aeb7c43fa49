//! What the allocator does with memory that is freed.

use std::hint::black_box;

/// Makes the allocator of glibc keep what is freed, up to 60 MB a thread, for the next step.
///
/// It gives the larger arrays of a step back to the system, and page faults at the next step cost a
/// quarter of the time. It stops where it sees that such arrays come again: when one is freed it
/// will map only larger ones, and keep twice as much. Other allocators lose nothing.
///
/// Source: mallopt(3), `M_MMAP_THRESHOLD`, on the dynamic threshold; it has 32 MiB for its limit.
pub fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(30 << 20)));
}

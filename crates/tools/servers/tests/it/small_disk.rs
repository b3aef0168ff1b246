//! Disks that can be filled.

use servers::SmallDisk;

#[test]
fn a_small_disk_hides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("precious"), "data").unwrap();

    let refused = SmallDisk::mount(directory.path(), 1 << 20).err().unwrap().to_string();

    assert!(refused.contains("is not empty") || refused.contains("root"), "{refused}");
    assert!(directory.path().join("precious").exists());
}

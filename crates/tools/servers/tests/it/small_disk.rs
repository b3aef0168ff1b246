//! Disks that can be filled.

use std::process::Command;

use servers::SmallDisk;

fn may_mount() -> bool {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(directory.path()).output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    if mounted {
        Command::new("umount").arg(directory.path()).status().expect("what was mounted can be unmounted");
    }
    mounted
}

#[test]
fn a_small_disk_hides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("precious"), "data").unwrap();

    let refused = SmallDisk::mount(directory.path(), 1 << 20).err().unwrap().to_string();

    assert!(refused.contains("is not empty") || refused.contains("root"), "{refused}");
    assert!(directory.path().join("precious").exists());
}

#[test]
fn a_sweep_unmounts_the_disks_of_dead_processes_alone() {
    let [left, used] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let disk = match SmallDisk::mount(used.path(), 1 << 20) {
        Ok(disk) => disk,
        Err(error) => {
            assert!(error.to_string().contains("root"), "{error:#}");
            return assert!(!may_mount(), "{error:#}");
        }
    };
    let source = format!("shipyard-disk-{}", dead.id());
    Command::new("mount").args(["-t", "tmpfs", &source]).arg(left.path()).status().unwrap();
    let [left_file, used_file] = [left.path().join("file"), used.path().join("file")];
    std::fs::write(&left_file, "left").unwrap();
    std::fs::write(&used_file, "used").unwrap();

    servers::small_disk::sweep();

    assert_eq!([left_file.exists(), used_file.exists()], [false, true]);
    drop(disk);
    assert!(!used_file.exists());
}

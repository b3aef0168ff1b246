//! A disk that is full.

use std::process::Command;

use servers::{SmallDisk, postgres};

use crate::postgres::execute;

fn may_mount() -> bool {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(directory.path()).output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    if mounted {
        Command::new("umount").arg(directory.path()).status().expect("what was mounted can be unmounted");
    }
    mounted
}

#[tokio::test]
async fn postgresql_on_a_full_disk_refuses_writes_until_there_is_room_and_keeps_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let disk = match postgres::small_home(&options, 256 << 20) {
        Ok(disk) => disk,
        Err(error) => {
            assert!(error.to_string().contains("root"), "{error:#}");
            return assert!(!may_mount(), "{error:#}");
        }
    };
    let server = postgres::start(&options).await.unwrap();
    let url = server.url.clone();
    execute(&url, "create table orders (id int, note text)").await.unwrap();
    execute(&url, "insert into orders values (1, 'kept')").await.unwrap();
    let insert = "insert into orders select n, repeat('x', 1000) from generate_series(1, 1000) n";

    disk.fill().unwrap();
    let refused = execute(&url, insert).await.unwrap_err();
    let read = execute(&url, "select id / (select count(*) from orders) from orders").await;
    disk.free().unwrap();
    execute(&url, insert).await.unwrap();
    server.kill().await.unwrap();
    let server = postgres::start(&options).await.unwrap();

    let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
    assert_eq!(code.as_deref(), Some("53100"), "{refused}");
    read.unwrap();
    assert_eq!(server.url, url);
    execute(&url, "select 1 / (count(*) - 1000) from orders").await.unwrap();
    let home = options.data.canonicalize().unwrap();
    server.stop().await;
    drop(disk);
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0, "the disk is gone");
    std::fs::remove_dir(home).unwrap();
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

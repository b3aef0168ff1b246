//! PostgreSQL as a child process.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path, pin::pin, process::Command, time::Duration};

use servers::postgres;
use sqlx::{Connection as _, PgConnection};

async fn execute(url: &str, statement: &'static str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    connection.close().await
}

/// Returns the pid of the server whose data is in `data`.
fn pid(data: &Path) -> String {
    let file = std::fs::read_to_string(data.join("data/postmaster.pid")).expect("the server runs");
    file.lines().next().expect("the file begins with the pid").to_owned()
}

fn is_running(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid]).output().is_ok_and(|output| output.status.success())
}

/// Starts a server in `data`, and creates a table in it.
async fn server_with_a_table(data: &Path) -> postgres::Postgres {
    let server = postgres::start(&postgres::Options::new(data.to_owned())).await.expect("PostgreSQL starts");
    execute(&server.url, "create table orders (id int)").await.expect("a superuser may");
    server
}

async fn assert_forbidden(url: &str, statement: &'static str) {
    let refusal = execute(url, statement).await.expect_err(statement);
    let code = refusal.as_database_error().and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some("42501"), "{statement}: {refusal}");
}

/// Stops the server and removes its data, which may be elsewhere.
async fn end(server: postgres::Postgres, data: &Path) {
    let home = data.canonicalize().expect("the data is there");
    server.stop().await;
    std::fs::remove_dir_all(home).expect("no process uses it");
}

#[tokio::test]
async fn data_that_was_deleted_is_not_found_again_in_the_same_place() {
    // The first mode closes the directory to other accounts, like root's home; the second opens it.
    for mode in [0o700, 0o755] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        let shop = directory.path().join("shop");
        let data = shop.join("postgres");
        let server = server_with_a_table(&data).await;
        let first_home = data.canonicalize().unwrap();
        server.stop().await;
        std::fs::remove_dir_all(&shop).unwrap();

        let server = postgres::start(&postgres::Options::new(data.clone())).await.unwrap();

        let outcome = execute(&server.url, "select from orders").await;
        assert!(outcome.is_err(), "the table of the deleted shop is there (mode {mode:o})");
        let home = data.canonicalize().unwrap();
        server.stop().await;
        for home in [first_home, home] {
            let _ = std::fs::remove_dir_all(home);
        }
    }
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_by_a_sentence_that_names_both() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    std::fs::create_dir_all(data.join("data")).unwrap();
    // No repository has a PostgreSQL of this version.
    std::fs::write(data.join("data/PG_VERSION"), "99\n").unwrap();

    let refusal = format!("{:#}", postgres::start(&postgres::Options::new(data.clone())).await.err().unwrap());

    assert!(refusal.contains(&format!("the data in {} was written by PostgreSQL 99", data.display())), "{refusal}");
    assert!(refusal.contains("install PostgreSQL 99"), "{refusal}");
    assert!(refusal.contains("this machine has PostgreSQL "), "{refusal}");
}

#[tokio::test]
async fn data_moves_with_its_shop_and_is_not_taken_over_by_a_copy() {
    let directory = tempfile::tempdir().unwrap();
    let [first, copy, moved] = ["first", "copy", "moved"].map(|name| directory.path().join(name));
    let server = server_with_a_table(&first.join("postgres")).await;
    server.stop().await;
    Command::new("cp").args(["-a".as_ref(), first.as_os_str(), copy.as_os_str()]).status().unwrap();

    // A copied directory is separate data. A copied link leads to data that has an owner.
    match postgres::start(&postgres::Options::new(copy.join("postgres"))).await {
        Ok(server) => {
            execute(&server.url, "drop table orders").await.unwrap();
            server.stop().await;
        }
        Err(refusal) => assert!(format!("{refusal:#}").contains("belongs to"), "{refusal:#}"),
    }
    std::fs::rename(&first, &moved).unwrap();
    let server = postgres::start(&postgres::Options::new(moved.join("postgres"))).await.unwrap();

    execute(&server.url, "select from orders").await.unwrap();
    end(server, &moved.join("postgres")).await;
}

#[tokio::test]
async fn a_postgresql_that_was_left_behind_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let left =
        postgres::start(&postgres::Options { mortal: false, ..postgres::Options::new(data.clone()) }).await.unwrap();
    let old = pid(&data);
    let refused = postgres::start(&postgres::Options::new(data.clone())).await.err().unwrap();
    assert!(refused.to_string().contains("in use"), "{refused:#}");
    drop(left);
    assert!(is_running(&old));

    let server = postgres::start(&postgres::Options::new(data.clone())).await.unwrap();

    assert_ne!(pid(&data), old);
    execute(&server.url, "select 1").await.unwrap();
    end(server, &data).await;
}

#[tokio::test]
async fn the_role_of_a_service_reads_and_writes_rows_and_owns_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let server = postgres::start(&options).await.unwrap();
    let url = postgres::ensure_database(&server.url, "order").await.unwrap();
    execute(&url, r#"create role "order" login password 'earlier'"#).await.unwrap();
    execute(&url, "create table orders (id bigint generated always as identity, number serial)").await.unwrap();

    for password in ["first", "it's"] {
        let own = postgres::ensure_role(&url, "order", password).await.unwrap();
        execute(&own, "insert into orders default values").await.unwrap();
    }
    let own = postgres::ensure_role(&url, "order", "it's").await.unwrap();
    execute(&url, "create table later (id bigint generated always as identity, number serial)").await.unwrap();
    execute(&own, "insert into later default values").await.unwrap();
    execute(
        &own,
        "with gone as (delete from orders returning id) update later set number = (select count(*) from gone)",
    )
    .await
    .unwrap();

    for forbidden in [
        "drop table orders",
        "alter table orders add column loot text",
        "truncate orders",
        "create table loot (id int)",
        "create temporary table loot (id int)",
        "create schema loot",
        "create function loot() returns int language sql as 'select 1'",
        "create trigger loot before insert on orders for each row execute function suppress_redundant_updates_trigger()",
        "drop schema public cascade",
        "set role postgres",
        "alter table later disable trigger all",
        "create role loot",
    ] {
        assert_forbidden(&own, forbidden).await;
    }
    end(server, &options.data).await;
}

#[tokio::test]
async fn the_auditor_reads_all_rows_and_changes_none() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let server = postgres::start(&options).await.unwrap();
    let url = postgres::ensure_database(&server.url, "order").await.unwrap();
    let other = postgres::ensure_database(&server.url, "iam").await.unwrap();
    postgres::ensure_role(&url, "order", "own").await.unwrap();
    postgres::ensure_role(&other, "iam", "own").await.unwrap();
    execute(&url, "create table orders (id bigint generated always as identity)").await.unwrap();

    for password in ["first", "it's"] {
        let own = postgres::ensure_auditor(&url, "auditor", password).await.unwrap();
        execute(&own, "select * from orders").await.unwrap();
    }
    let own = postgres::ensure_auditor(&url, "auditor", "it's").await.unwrap();
    execute(&url, "create table later (id bigint)").await.unwrap();
    execute(&own, "select * from later").await.unwrap();
    execute(&own, "begin isolation level repeatable read read only").await.unwrap();
    // A session may make its transactions writable, but its rights remain.
    let separator = if own.contains('?') { '&' } else { '?' };
    let writable = format!("{own}{separator}options=-c%20default_transaction_read_only%3Doff");

    let refusal = execute(&own, "delete from orders").await.unwrap_err();
    assert!(refusal.to_string().contains("read-only transaction"), "{refusal}");
    for forbidden in [
        "insert into orders default values",
        "update later set id = 1",
        "delete from orders",
        "truncate orders",
        "drop table orders",
        "select nextval('orders_id_seq')",
        "create table loot (id int)",
        "create temporary table loot (id int)",
        r#"set role "order""#,
    ] {
        assert_forbidden(&writable, forbidden).await;
    }
    let elsewhere = own.replace("/order", "/iam");
    let refusal = execute(&elsewhere, "select 1").await.unwrap_err();
    assert!(refusal.to_string().contains("permission denied for database"), "{elsewhere}: {refusal}");
    end(server, &options.data).await;
}

#[tokio::test]
async fn a_pid_file_of_another_life_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let server = postgres::start(&options).await.unwrap();
    let file = options.data.join("data/postmaster.pid");
    let stale = std::fs::read_to_string(&file).unwrap();
    let stale = stale.replacen(&pid(&options.data), &std::process::id().to_string(), 1);
    server.stop().await;
    std::fs::write(&file, stale).unwrap();

    let server = postgres::start(&options).await.unwrap();

    end(server, &options.data).await;
}

#[tokio::test]
async fn a_killed_postgresql_leaves_no_process_and_starts_again_with_its_data() {
    let directory = tempfile::tempdir().unwrap();
    let settings = vec![("max_connections", "37")];
    let options = postgres::Options { settings, ..postgres::Options::new(directory.path().join("postgres")) };
    let server = postgres::start(&options).await.unwrap();
    let url = server.url.clone();
    execute(&url, "create table orders (id int)").await.unwrap();
    let mut busy = PgConnection::connect(&url).await.unwrap();
    let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut busy).await.unwrap();
    let work = tokio::spawn(async move { sqlx::query("select pg_sleep(600)").execute(&mut busy).await });
    execute(&url, "insert into orders values (1)").await.unwrap();

    let postmaster = server.pid();
    assert_eq!(postmaster.to_string(), pid(&options.data));
    server.kill().await.unwrap();
    let survivors = [postmaster, backend].map(holds_memory);
    let server = postgres::start(&options).await.unwrap();

    assert_eq!(survivors, [false, false]);
    work.await.unwrap().unwrap_err();
    assert_eq!(server.url, url);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let found: (i64, String) = sqlx::query_as("select count(*), current_setting('max_connections') from orders")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(found, (1, "37".to_owned()));
    end(server, &options.data).await;
}

/// Stops the checkpointer until it gets SIGCONT, like a very slow disk.
async fn freeze_checkpointer(url: &str) -> i32 {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
    let checkpointer = "select pid from pg_stat_activity where backend_type = 'checkpointer'";
    let pid: i32 = sqlx::query_scalar(checkpointer).fetch_one(&mut connection).await.expect("PostgreSQL answers");
    signal("-STOP", pid);
    pid
}

fn signal(signal: &str, pid: i32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs").success());
}

#[tokio::test]
async fn a_start_waits_for_processes_that_a_killed_postmaster_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let server = server_with_a_table(&data).await;
    let checkpointer = freeze_checkpointer(&server.url).await;
    signal("-KILL", server.pid());
    server.ended().await;
    drop(server);

    let options = postgres::Options::new(data.clone());
    let mut start = pin!(postgres::start(&options));
    let has_waited = tokio::time::timeout(Duration::from_secs(2), &mut start).await.is_err();
    signal("-CONT", checkpointer);
    let server = start.await.unwrap();

    assert!(has_waited, "the checkpointer still used the data");
    execute(&server.url, "select from orders").await.unwrap();
    end(server, &data).await;
}

/// Returns false for an exited process, even if it has not been reaped.
fn holds_memory(pid: i32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().expect("ps runs");
    let state = String::from_utf8(output.stdout).expect("a state is text");
    !state.trim().is_empty() && !state.starts_with('Z')
}

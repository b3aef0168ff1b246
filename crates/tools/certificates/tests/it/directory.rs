//! The directory is created once and kept, and its certificates are renewed.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use certificates::{CA, CERTIFICATE, Change, Directory, KEY, Plan, Subject};

const DAY: Duration = Duration::from_hours(24);

fn plan() -> Plan {
    Plan { now: SystemTime::now(), ca_lifetime: 3650 * DAY, lifetime: DAY, store_lifetime: 90 * DAY, renew: false }
}

fn ensure(path: &Path, plan: Plan) -> Change {
    let directory = Directory::open(path, plan).expect("the directory opens");
    directory.ensure(&Subject::service("order"), None).expect("a certificate")
}

fn files(path: &Path) -> Vec<String> {
    let all = [CA, "ca.key", "order/ca.crt", "order/tls.crt", "order/tls.key"];
    all.map(|file| fs::read_to_string(path.join(file)).expect("a file")).into()
}

#[test]
fn the_owner_of_a_key_alone_may_read_it() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), plan());
    let mode = |file: &str| fs::metadata(directory.path().join(file)).unwrap().permissions().mode() & 0o777;

    assert_eq!((mode("ca.key"), mode("order/tls.key")), (0o600, 0o600));
    assert_eq!((mode(CA), mode("order/tls.crt")), (0o644, 0o644));
}

#[test]
fn a_certificate_that_ends_soon_is_renewed_and_its_authority_kept() {
    let directory = tempfile::tempdir().unwrap();
    let after = |hours| Plan { now: SystemTime::now() + Duration::from_hours(hours), ..plan() };
    ensure(directory.path(), plan());
    let first = files(directory.path());
    assert_eq!(ensure(directory.path(), after(15)), Change::Kept);
    assert_eq!(files(directory.path()), first);

    let change = ensure(directory.path(), after(17));

    let second = files(directory.path());
    assert!(matches!(&change, Change::Renewed(why) if why.contains("xpired")), "{change:?}");
    assert_eq!(first[..3], second[..3]);
    assert!(first[3] != second[3] && first[4] != second[4]);
}

#[test]
fn renewing_is_done_when_it_is_asked_for_and_when_a_file_is_broken_or_missing() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), plan());

    assert!(matches!(ensure(directory.path(), Plan { renew: true, ..plan() }), Change::Renewed(_)));
    fs::write(directory.path().join("order").join(CERTIFICATE), "no certificate").unwrap();
    assert!(matches!(ensure(directory.path(), plan()), Change::Renewed(_)));
    fs::remove_file(directory.path().join("order").join(KEY)).unwrap();
    assert_eq!(ensure(directory.path(), plan()), Change::Made);
    assert_eq!(ensure(directory.path(), plan()), Change::Kept);
}

#[test]
fn a_store_has_its_certificate_for_longer() {
    let (directory, postgres) = (tempfile::tempdir().unwrap(), Subject::store("postgres"));
    let ensure = |days| {
        let plan = Plan { now: SystemTime::now() + days * DAY, ..plan() };
        Directory::open(directory.path(), plan).unwrap().ensure(&postgres, None).unwrap()
    };

    assert_eq!((ensure(0), ensure(59)), (Change::Made, Change::Kept));
    assert!(matches!(ensure(61), Change::Renewed(_)));
}

#[test]
fn an_authority_without_its_key_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), plan());
    fs::remove_file(directory.path().join("ca.key")).unwrap();

    let error = Directory::open(directory.path(), plan()).err().unwrap();

    assert!(error.to_string().contains("ca.key"), "{error}");
}

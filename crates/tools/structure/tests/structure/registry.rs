//! A service is known in few places, and in all of them.

use crate::tree::{crates, read, read_without_tests, root, services, shown};

#[test]
fn every_service_is_registered_everywhere() {
    let places = [
        ("crates/tools/operations/src/services.rs", "&{}::SERVICE", "a line in the registry"),
        ("crates/shared/contracts/src/ports.rs", "pub const {^}: u16", "its port"),
        ("deploy/compose/services.yaml", "\n  {}:\n", "a block"),
        ("deploy/Dockerfile", "AS {}\n", "a target"),
        (".env.example", "{^}_LISTEN=", "its variables"),
        ("deploy/envoy/envoy.yaml", "address: {},", "its cluster"),
    ];
    let places_with_database = [
        (".env.example", "{^}_DATABASE_URL=", "the variable of its database"),
        ("deploy/postgres/databases.sh", "create {} ", "its database"),
        ("deploy/compose/infrastructure.yaml", "{^}_DATABASE_PASSWORD", "the password of its role"),
    ];
    let mut missing = Vec::new();
    for service in services() {
        let has_migrations = root().join("migrations").join(&service.name).is_dir();
        if has_migrations != service.has_database() {
            missing.push(format!(
                "{}: `database` in its SERVICE, unless it is None, and migrations/{} belong together",
                service.name, service.name
            ));
        }
        let stored = places_with_database.into_iter().filter(|_| service.has_database());
        for (file, pattern, what) in places.into_iter().chain(stored) {
            let wanted = pattern.replace("{^}", &service.name.to_uppercase()).replace("{}", &service.name);
            if !read(&root().join(file)).contains(&wanted) {
                missing.push(format!("{}: {file} lacks {what} ({})", service.name, wanted.trim()));
            }
        }
    }

    assert!(missing.is_empty(), "add these, as CONTRIBUTING.md says under \"Add a service\":\n{}", missing.join("\n"));
}

#[test]
fn ports_stand_in_one_place() {
    let ports = crate::tree::root().join("crates/shared/contracts/src/ports.rs");
    let numbers: Vec<String> = read(&ports)
        .lines()
        .filter_map(|line| line.split("u16 = ").nth(1)?.strip_suffix(';').map(str::to_owned))
        .collect();
    let mut found = Vec::new();
    for one in crates() {
        for file in one.sources().into_iter().filter(|file| !file.ends_with("contracts/src/ports.rs")) {
            let text = read_without_tests(&file);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.clone().any(|line| numbers.iter().any(|number| line.contains(number.as_str()))) {
                found.push(shown(&file));
            }
        }
    }

    assert!(numbers.len() >= services().len(), "{} has a port for each service", shown(&ports));
    assert!(found.is_empty(), "use contracts::ports or a service's SERVICE instead of the number in {found:?}");
}

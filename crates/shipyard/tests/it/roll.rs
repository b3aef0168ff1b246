//! `deploy/roll` with a stand-in for Docker: which containers it replaces, and by which image.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::repository::root;

/// Rolls the services that are its arguments. Docker is a function with a file per container, named by its id: its state, its image and,
/// unless that is `healthy`, its health. The ids are sorted by age. Like Compose, `up` starts stopped containers before
/// it creates any. A new container has the image `new`.
const ROLL: &str = r#"
docker() (
  cd "$CONTAINERS"
  case "$*" in
    'compose run --rm --no-deps -T migrate' | 'compose run --rm --no-deps -T kafka-acls kafka-acls --keep') ;;
    'compose run --rm --no-deps -T shipyard services') printf 'shop grpc 1\nshop admin 2\n' ;;
    'compose config shop') printf 'services:\n  other:\n    image: other:1\n    scale: 9\n  shop:\n    image: shop:1\n    scale: 2\n' ;;
    'compose ps --quiet shop') grep -l running -- * || true ;;
    'compose rm --force shop') [ -n "$STOPPED_LATER" ] || { grep -l exited -- * || true; } | xargs --no-run-if-empty rm ;;
    'compose up '*' --scale shop='*)
      sed -i s/exited/running/ -- *
      for word; do case $word in shop=*) count=${word#*=} ;; esac; done
      while [ "$(ls | wc -l)" -lt "$count" ]; do echo 'running new' >"$(mktemp made-XXXXXX)"; done
      ;;
    'image inspect --format {{.Id}} shop:1') echo new ;;
    'inspect --format {{.Image}} '*) cut -d ' ' -f 2 -- "$4" ;;
    'inspect --format {{.State.Health.Status}} '*) echo healthy ;;
    'inspect --format {{.Created}} {{.State.Health.Status}} {{.Id}} '*)
      for id in "${@:4}"; do read -r _ _ health <"$id" || true; echo "$id ${health:-healthy} $id"; done
      ;;
    'stop --time 30 '*) sed -i s/running/exited/ -- "$4" ;;
    'rm '*) rm -- "$2" ;;
    *) echo "unexpected: docker $*" >&2; exit 1 ;;
  esac
)
sleep() { :; }
export -f docker sleep
exec deploy/roll "$@"
"#;

/// The containers of the service `shop`.
struct Containers(TempDir);

impl Containers {
    fn new(containers: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (id, container) in containers {
            fs::write(folder.path().join(id), format!("{container}\n")).unwrap();
        }
        Self(folder)
    }

    /// Runs the script. With `stopped_later`, containers stop only after the stopped ones have been removed.
    fn roll(&self, services: &[&str], stopped_later: bool) -> Output {
        let mut bash = Command::new("bash");
        bash.args(["-c", ROLL, "roll"]).args(services).current_dir(root()).env("CONTAINERS", self.0.path());
        bash.env("STOPPED_LATER", if stopped_later { "yes" } else { "" });
        bash.output().expect("bash is there")
    }

    /// Returns the state and the image of each container, sorted.
    fn all(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder is there");
        let texts = entries.map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a container"));
        let mut all: Vec<String> = texts.map(|text| text.trim_end().to_owned()).collect();
        all.sort();
        all
    }
}

#[test]
fn a_roll_replaces_each_replica_and_takes_no_stopped_container_for_a_new_one() {
    let containers = [("a", "running old"), ("b", "running old"), ("c", "exited old")];
    let shop = Containers::new(&containers);

    let output = shop.roll(&["shop"], false);

    assert!(output.status.success(), "{output:?}");
    assert_eq!(shop.all(), ["running new", "running new"], "{output:?}");
}

#[test]
fn a_roll_without_names_takes_the_services_that_the_program_lists() {
    let shop = Containers::new(&[("a", "running old")]);

    let output = shop.roll(&[], false);

    assert!(output.status.success(), "{output:?}");
    assert_eq!(shop.all(), ["running new"], "{output:?}");
}

#[test]
fn a_roll_that_gets_a_container_of_another_image_fails_and_stops_none() {
    let shop = Containers::new(&[("a", "running old"), ("b", "exited old")]);

    let output = shop.roll(&["shop"], true);

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told.contains("roll: shop: the new container (b) does not have the service's image"), "{told}");
    assert_eq!(shop.all(), ["running old", "running old"]);
}

//! `deploy/tls/certificates` with a stand-in for `shipyard certificates`: a new authority replaces the previous one
//! completely.

use std::{fs, process::Command};

use tempfile::TempDir;

const SCRIPT: &str = include_str!("../../../../../deploy/tls/certificates");

/// An authority is a word, which is its key and a line of its certificate. Like `shipyard certificates`, the stand-in
/// makes a missing authority, and fails if an authority's certificate does not match its key. The run ends before step
/// number `CRASH`: each file that `mv` moves is a step, and so is each `rm`.
const STAND_INS: &str = r#"
shipyard() {
  mkdir -p "$2"
  [ -e "$2/ca.key" ] || [ -e "$2/ca.crt" ] || { echo "$NEXT" | tee "$2/ca.key" >"$2/ca.crt"; }
  [ "$(cat "$2/ca.key")" = "$(head -n 1 "$2/ca.crt")" ] || { echo "the key is not that of the certificate" >&2; exit 1; }
}
steps=0
step() {
  steps=$((steps + 1))
  [ "$steps" != "$CRASH" ] || exit 9
}
mv() {
  for target; do :; done
  for file; do
    [ "$file" = "$target" ] || { step; command mv "$file" "$target"; }
  done
}
rm() { step; command rm "$@"; }
flock() { :; }
"#;
/// The exit code of a run that ended early.
const CRASHED: i32 = 9;

struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of this test");
        fs::create_dir(folder.path().join("authorities")).expect("the folder is new");
        Self(folder)
    }

    /// Runs the script. If an authority is made, its name is `next`. Returns the exit code and the output.
    fn run(&self, arguments: &[&str], next: &str, crash: usize) -> (Option<i32>, String) {
        let own = SCRIPT.replacen("directory=/certificates\n", "directory=$CERTIFICATES\n", 1);
        assert_ne!(own, SCRIPT, "the script names its directory");
        let mut sh = Command::new("sh");
        sh.args(["-c", &format!("{STAND_INS}{own}"), "certificates"]).args(arguments);
        sh.env("CERTIFICATES", self.0.path()).env("NEXT", next).env("CRASH", crash.to_string());
        let output = sh.output().expect("sh is there");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Returns the authorities that the parts trust. The first one signs.
    fn trusted(&self) -> Vec<String> {
        let authorities = fs::read_to_string(self.0.path().join("authorities/ca.crt"));
        authorities.expect("the script makes the file").lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_replacement_of_the_authority_that_ends_at_any_step_can_be_run_again() {
    let mut crash = 1;
    loop {
        let certificates = Certificates::new();
        assert_eq!(certificates.run(&[], "first", 0), (Some(0), String::new()));
        let (code, said) = certificates.run(&["authority"], "second", crash);
        assert!(code == Some(CRASHED) || code == Some(0), "step {crash}: {said}");

        let watching = certificates.run(&[], "unused", 0);
        let trusted = certificates.trusted();
        let again = certificates.run(&["authority"], "third", 0);

        assert_eq!(watching, (Some(0), String::new()), "step {crash}");
        assert_eq!(trusted.last().unwrap(), "first", "step {crash}");
        assert_eq!(again, (Some(0), String::new()), "step {crash}");
        let expected: Vec<_> = ["third"].into_iter().chain(trusted.iter().map(String::as_str)).collect();
        assert_eq!(certificates.trusted(), expected, "step {crash}");
        if code == Some(0) {
            assert!(crash > 5, "steps are counted");
            return;
        }
        crash += 1;
    }
}

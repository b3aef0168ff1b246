//! `shipyard render`: writes the files that follow from the services, the gateway's routes and the catalogue of events.
//!
//! The templates are below `deploy/templates`. The path of a template there, without `.j2`, is the path of the file
//! that it makes. A template whose path contains `SERVICE` makes a file for each service, with the variable `service`;
//! one that gives no text for a service makes no file for it.

mod facts;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};
use serde_json::Value;

const TEMPLATES: &str = "deploy/templates";
const EXTENSION: &str = ".j2";
/// The part of a template's path that stands for the name of a service.
const EACH: &str = "SERVICE";
/// The first line of a file that this command writes contains it, with the path of the template.
const MARK: &str = "Rendered by `shipyard render` from";
/// The folders that contain files of this command.
const OUTPUTS: [&str; 2] = ["deploy", "docs"];

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing, and fail if a file differs from what would be written
    #[arg(long)]
    check: bool,
}

/// Runs in the root of the repository.
pub fn run(&Arguments { check }: &Arguments) -> anyhow::Result<()> {
    let root = Path::new(".");
    ensure!(root.join(TEMPLATES).is_dir(), "no folder {TEMPLATES}: run this in the root of the repository");
    let stale = stale(root)?;
    for (path, text) in &stale {
        match text {
            _ if check => complain(path, text.is_some()),
            Some(text) => {
                let file = root.join(path);
                file.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(&file, text).with_context(|| path.clone())?;
                outln!("{path}");
            }
            None => {
                fs::remove_file(root.join(path)).with_context(|| path.clone())?;
                outln!("{path} is removed");
            }
        }
    }
    ensure!(!check || stale.is_empty(), "run `cargo run -- render`, and commit what it writes");
    Ok(())
}

fn complain(path: &str, has_template: bool) {
    let problem = if has_template { "differs from what its template gives" } else { "has no template any more" };
    eprintln!("{path} {problem}");
}

/// Returns the files that differ from what their templates give, each with its new text; without a text if it has no
/// template any more.
pub fn stale(root: &Path) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let rendered = rendered(root)?;
    let mut stale = BTreeMap::new();
    for (path, text) in &rendered {
        if fs::read_to_string(root.join(path)).ok().as_ref() != Some(text) {
            stale.insert(path.clone(), Some(text.clone()));
        }
    }
    for folder in OUTPUTS {
        for path in files(root, Path::new(folder))? {
            let marked = || fs::read_to_string(root.join(&path)).is_ok_and(|text| first_line(&text).contains(MARK));
            if !path.starts_with(TEMPLATES) && !rendered.contains_key(&path) && marked() {
                stale.insert(path, None);
            }
        }
    }
    Ok(stale)
}

/// Returns the files that the templates give.
fn rendered(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    let templates: BTreeSet<String> = files(root, Path::new(TEMPLATES))?;
    for template in &templates {
        let source = fs::read_to_string(root.join(template)).with_context(|| template.clone())?;
        environment.add_template_owned(template.clone(), source)?;
    }
    let facts = facts::all()?;
    let all = facts["services"].as_array().context("the services are a list")?;
    let mut rendered = BTreeMap::new();
    for template in &templates {
        // Other files are included by templates.
        let Some(output) = output_of(template) else { continue };
        let services: Vec<Option<&Value>> =
            if output.contains(EACH) { all.iter().map(Some).collect() } else { vec![None] };
        for service in services {
            let mark = format!("{MARK} {template}");
            let values = context! { service => Serde(service), rendered => mark.as_str(), ..Serde(&facts) };
            let text = environment.get_template(template)?.render(values).map_err(|error| described(&error))?;
            if text.trim().is_empty() {
                continue;
            }
            ensure!(
                first_line(&text).contains(&mark),
                "{template}: its first line is not a comment with {{{{ rendered }}}}"
            );
            let name = service.and_then(|service| service["name"].as_str());
            rendered.insert(name.map_or(output.clone(), |name| output.replace(EACH, name)), text);
        }
    }
    Ok(rendered)
}

/// Returns the path of the file that a template makes, or `None` for a file that templates include.
fn output_of(template: &str) -> Option<String> {
    template.strip_prefix(TEMPLATES)?.strip_prefix('/')?.strip_suffix(EXTENSION).map(str::to_owned)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Returns the template's error with its line.
fn described(error: &minijinja::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// Returns the paths of all files below a folder, from the root.
fn files(root: &Path, folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_the_templates_give() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");

        let stale = stale(&root).unwrap();

        let files: Vec<&String> = stale.keys().collect();
        assert!(files.is_empty(), "run `cargo run -- render`, and commit what it writes: {files:?}");
    }
}

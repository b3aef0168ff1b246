//! No file is part of an import cycle, and no module of a shared crate's root. A module and its descendants are one node
//! here: a child may use its parent's traits.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::tree::{Crate, SHELVES, crates, read_without_tests};

type Module = Vec<String>;
type Arrows = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_file_takes_part_in_an_import_circle() {
    let circles: Vec<String> = crates().iter().flat_map(|one| in_circles(one, arrows(one))).collect();

    assert!(
        circles.is_empty(),
        "these files import each other in a circle, or one that does: {circles:?}.\nMove what both need into a file of its own."
    );
}

#[test]
fn no_module_of_a_shared_crate_takes_part_in_an_import_circle() {
    let shared: Vec<Crate> = crates().into_iter().filter(|one| SHELVES.get(one.shelf) == Some(&"shared")).collect();
    let circles: Vec<String> = shared.iter().flat_map(|one| in_circles(one, of_the_root(arrows(one)))).collect();

    assert!(
        circles.is_empty(),
        "these modules import each other in a circle, or one that does: {circles:?}.\nMove what both need into a module below both."
    );
}

/// Returns the files of a crate as modules, each with those that it imports.
fn arrows(one: &Crate) -> Arrows {
    let source = one.folder.join("src");
    let modules: BTreeMap<Module, PathBuf> =
        one.sources().into_iter().map(|file| (module(&source, &file), file)).collect();
    let mut arrows = Arrows::new();
    for (module, file) in &modules {
        let imported = imports(&read_without_tests(file), module, &modules);
        arrows.insert(module.clone(), imported.into_iter().cloned().collect());
    }
    arrows
}

/// Returns the arrows between the modules of a crate's root.
fn of_the_root(arrows: Arrows) -> Arrows {
    let mut between = Arrows::new();
    for (module, imported) in arrows {
        let Some(root) = module.first() else { continue };
        let others = imported.iter().filter_map(|other| other.first()).filter(|other| *other != root);
        between.entry(vec![root.clone()]).or_default().extend(others.map(|other| vec![other.clone()]));
    }
    between
}

fn in_circles(one: &Crate, mut arrows: Arrows) -> Vec<String> {
    // A module that imports none of the remaining modules is in no cycle.
    while let Some(end) = arrows.iter().find(|(_, imported)| imported.is_empty()).map(|(module, _)| module.clone()) {
        arrows.remove(&end);
        for imported in arrows.values_mut() {
            imported.remove(&end);
        }
    }
    arrows.keys().map(|module| format!("{}::{}", one.name, module.join("::"))).collect()
}

fn module(source: &Path, file: &Path) -> Module {
    let relative = file.strip_prefix(source).unwrap_or(file).with_extension("");
    let parts = relative.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !["lib", "main", "mod"].contains(&part.as_str())).collect()
}

/// Returns the modules that a source imports, without its ancestors and descendants.
fn imports<'a>(text: &str, of: &Module, modules: &'a BTreeMap<Module, PathBuf>) -> BTreeSet<&'a Module> {
    let mut found = BTreeSet::new();
    for statement in text.split('\n').map(str::trim_start).collect::<Vec<_>>().join("\n").split("\nuse ").skip(1) {
        let Some((tree, _)) = statement.split_once(';') else { continue };
        for path in flatten(&tree.split_whitespace().collect::<Vec<_>>().join(" ")) {
            let mut path: Vec<&str> = path.split("::").map(str::trim).collect();
            let mut base = match path.first() {
                Some(&"crate") => Vec::new(),
                Some(&"self" | &"super") => of.clone(),
                _ => continue,
            };
            while path.first().is_some_and(|first| ["crate", "self", "super"].contains(first)) {
                if path.remove(0) == "super" {
                    base.pop();
                }
            }
            base.extend(path.into_iter().map(str::to_owned));
            // Use the longest prefix that is a file.
            while !base.is_empty() && !modules.contains_key(&base) {
                base.pop();
            }
            if let Some((module, _)) = modules.get_key_value(&base)
                && !module.starts_with(of)
                && !of.starts_with(module)
            {
                found.insert(module);
            }
        }
    }
    found
}

/// Returns the paths of a use tree: `a::{b, c::d}` yields `a::b` and `a::c::d`.
fn flatten(tree: &str) -> Vec<String> {
    let Some((prefix, inner)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().to_owned()];
    };
    let mut depth = 0_i32;
    let items = inner[..inner.rfind('}').unwrap_or(inner.len())].split(|letter: char| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let items = items.map(str::trim).filter(|item| !item.is_empty());
    items.flat_map(|item| flatten(&format!("{prefix}{item}"))).collect()
}

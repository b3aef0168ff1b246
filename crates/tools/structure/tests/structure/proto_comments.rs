//! Every element of our protobuf contracts has a comment, which callers read through server reflection and in the
//! OpenAPI document.

use crate::tree::{files, read, root, shown};

/// The folders below `proto/` with the contracts of other projects.
const OF_OTHERS: [&str; 2] = ["google", "envoy"];
/// The keywords before a name. Fields and enum values have none.
const KEYWORDS: [&str; 4] = ["service ", "rpc ", "message ", "enum "];
/// The beginnings of lines that declare nothing, although they may assign a number.
const NO_ELEMENTS: [&str; 3] = ["//", "option ", "reserved "];

#[test]
fn every_element_of_the_contracts_has_a_comment() {
    let proto = root().join("proto");
    let mut silent = Vec::new();
    for file in files(&proto, "proto") {
        if OF_OTHERS.iter().any(|folder| file.starts_with(proto.join(folder))) {
            continue;
        }
        let text = read(&file);
        let mut above = "";
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(name) = element(line).filter(|_| !above.starts_with("//")) {
                silent.push(format!("{}:{number}: {name}", shown(&file)));
            }
            above = line;
        }
    }

    assert!(
        silent.is_empty(),
        "write a comment directly above each of these: the format, the unit, the bounds, or what an empty value means:\n{}",
        silent.join("\n")
    );
}

/// Returns the name of the service, RPC, message, enum, enum value or field that the line declares.
fn element(line: &str) -> Option<&str> {
    if let Some(rest) = KEYWORDS.iter().find_map(|keyword| line.strip_prefix(*keyword)) {
        return rest.split([' ', '(', '{']).next();
    }
    let (declared, value) = line.split_once(" = ")?;
    let is_number = value.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    let is_none = NO_ELEMENTS.iter().any(|beginning| line.starts_with(*beginning));
    declared.split_whitespace().next_back().filter(|_| is_number && !is_none)
}

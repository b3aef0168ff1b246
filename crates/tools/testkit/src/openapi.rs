//! What an OpenAPI document says, as lines to compare.

use serde_json::Value;

/// Returns each operation of a document with its id and the statuses of its answers, sorted:
/// `get /orders listOrders: 200 401`.
///
/// # Panics
///
/// If the document has no paths, or an operation without an id or answers.
pub fn operations(document: &Value) -> Vec<String> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("a document has paths") {
        for (method, operation) in item.as_object().expect("a path has operations") {
            let answers = operation["responses"].as_object().expect("an operation has answers");
            let answers = answers.keys().cloned().collect::<Vec<_>>().join(" ");
            let id = operation["operationId"].as_str().expect("an operation has an id");
            operations.push(format!("{method} {path} {id}: {answers}"));
        }
    }
    operations.sort();
    operations
}

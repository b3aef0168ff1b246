//! The contents of the published OpenAPI documents: operations, bodies, and possible problems.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde_json::{Map, Value};

use crate::system::HttpApi;

pub struct Operation {
    pub api: HttpApi,
    pub method: String,
    /// The path, with its parameters in braces.
    pub path: String,
    pub query: Vec<String>,
    /// The schema of the JSON body.
    pub body: Option<&'static Value>,
}

/// The OpenAPI document of an API.
pub struct Document {
    pub value: Value,
    /// The statuses and codes of all problems.
    pub problems: BTreeSet<(u16, String)>,
}

static ORDER: LazyLock<Document> = LazyLock::new(|| Document::new(&order::api::document()));
static DELIVERY: LazyLock<Document> = LazyLock::new(|| Document::new(&delivery::api::http::document()));
static INTAKE: LazyLock<Document> = LazyLock::new(|| Document::new(&intake::api::document()));
pub static OPERATIONS: LazyLock<Vec<Operation>> =
    LazyLock::new(|| [HttpApi::Order, HttpApi::Delivery, HttpApi::Intake].into_iter().flat_map(operations).collect());

pub fn document(api: HttpApi) -> &'static Document {
    match api {
        HttpApi::Order => &ORDER,
        HttpApi::Delivery => &DELIVERY,
        HttpApi::Intake => &INTAKE,
    }
}

impl Document {
    fn new(document: &impl serde::Serialize) -> Self {
        let value = serde_json::to_value(document).expect("a document is JSON");
        let mut problems = BTreeSet::new();
        collect(&value, &value["paths"], &mut problems);
        // The problems of requests that match no operation.
        problems.insert((404, "NOT_FOUND".to_owned()));
        problems.insert((405, "METHOD_NOT_ALLOWED".to_owned()));
        problems.insert((400, "INVALID_REQUEST".to_owned()));
        Self { value, problems }
    }

    /// Returns the schema that a reference names, or the schema itself.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.value.pointer(pointer)).unwrap_or(schema)
    }
}

fn collect(root: &Value, paths: &Value, problems: &mut BTreeSet<(u16, String)>) {
    for operation in paths.as_object().into_iter().flat_map(Map::values).flat_map(of_path) {
        for (status, response) in operation["responses"].as_object().into_iter().flatten() {
            let pointer = response["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let response = pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(response);
            let schema = &response["content"]["application/problem+json"]["schema"];
            for part in schema["allOf"].as_array().into_iter().flatten() {
                for code in part["properties"]["code"]["enum"].as_array().into_iter().flatten() {
                    let status = status.parse().expect("a status");
                    problems.insert((status, code.as_str().expect("a code").to_owned()));
                }
            }
        }
    }
}

fn of_path(path: &Value) -> impl Iterator<Item = &Value> {
    path.as_object().into_iter().flat_map(Map::values).filter(|one| one["responses"].is_object())
}

fn operations(api: HttpApi) -> Vec<Operation> {
    let document = document(api);
    let paths: BTreeMap<&String, &Value> = document.value["paths"].as_object().expect("paths").iter().collect();
    let mut all = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            if !operation["responses"].is_object() {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|parameter| parameter["in"] == "query");
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            all.push(Operation {
                api,
                method: method.to_uppercase(),
                path: path.clone(),
                query: query.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect(),
                body: (!schema.is_null()).then_some(schema),
            });
        }
    }
    assert!(!all.is_empty(), "the document of {api:?} has no operations");
    all
}

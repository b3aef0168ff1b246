//! The methods of the system: those with access rules, and those in descriptors and OpenAPI documents.

use std::collections::BTreeSet;

use contracts::proto::DESCRIPTORS;
use operations::registry::SERVICES;
use platform::auth::Access;
use prost::Message as _;
use prost_types::{FileDescriptorSet, field_descriptor_proto::Type};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    Grpc,
    Http,
}

/// One method of a service of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method {
    pub service: &'static str,
    pub api: Api,
    /// The name as in the access rules.
    pub name: String,
}

impl Method {
    pub fn is_read(&self) -> bool {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        match self.api {
            Api::Grpc => ["Get", "List"].iter().any(|read| name.starts_with(read)),
            Api::Http => self.name.starts_with("GET "),
        }
    }
}

/// Returns the methods that have a rule.
pub fn all() -> Vec<(Method, Access)> {
    let rules = SERVICES
        .into_iter()
        .flat_map(|service| (service.rules)().concat().into_iter().map(move |rule| (service, rule)));
    rules
        .map(|(service, rule)| {
            let api = if rule.method.starts_with('/') { Api::Grpc } else { Api::Http };
            (Method { service: service.name, api, name: rule.method.to_owned() }, rule.access)
        })
        .collect()
}

/// Returns the service whose access rules name this protobuf service.
fn service_of(package: &str) -> &'static str {
    let found = all().into_iter().find(|(method, _)| method.name.starts_with(&format!("/{package}/")));
    found.map_or("no service", |(method, _)| method.service)
}

/// Returns the methods in the descriptors and the OpenAPI documents.
pub fn described() -> BTreeSet<Method> {
    let mut described = BTreeSet::new();
    for file in descriptors().file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            for rpc in &service.method {
                let path = format!("/{name}/{}", rpc.name());
                described.insert(Method { service: service_of(&name), api: Api::Grpc, name: path });
            }
        }
    }
    let documents = SERVICES.into_iter().filter_map(|service| Some((service.name, service.openapi?)));
    for (service, document) in documents {
        let document = serde_json::to_value(document()).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for verb in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                let name = format!("{} {path}", verb.to_uppercase());
                described.insert(Method { service, api: Api::Http, name });
            }
        }
    }
    described
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(DESCRIPTORS).unwrap()
}

/// Returns an encoded request of the RPC, with the fields set that name an order, a user or a payment method.
pub fn request(path: &str, order: &str, user: &str) -> Vec<u8> {
    let files = descriptors().file;
    let (service, rpc) = path.trim_start_matches('/').split_once('/').unwrap();
    let input = files.iter().find_map(|file| {
        let of_file = file.service.iter().find(|found| format!("{}.{}", file.package(), found.name()) == service)?;
        of_file.method.iter().find(|method| method.name() == rpc).map(|method| method.input_type().to_owned())
    });
    let input = input.unwrap();
    let message = files.iter().find_map(|file| {
        let prefix = format!(".{}.", file.package());
        let name = input.strip_prefix(&prefix)?;
        file.message_type.iter().find(|message| message.name() == name)
    });
    let mut encoded = Vec::new();
    for field in &message.unwrap().field {
        let number = u32::try_from(field.number()).unwrap();
        match (field.name(), field.r#type()) {
            ("order_uuid" | "order_id", Type::String) => {
                prost::encoding::string::encode(number, &order.to_owned(), &mut encoded);
            }
            ("user_uuid" | "user_id" | "customer_id", Type::String) => {
                prost::encoding::string::encode(number, &user.to_owned(), &mut encoded);
            }
            ("kind", Type::String) => prost::encoding::string::encode(number, &"order_paid".to_owned(), &mut encoded),
            ("payment_method", Type::Enum) => prost::encoding::int32::encode(number, &1, &mut encoded),
            _ => {}
        }
    }
    encoded
}

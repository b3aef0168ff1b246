//! Generates a `Debug` that redacts the fields with the option `(common.v1.sensitive)`.

use std::fmt::Write as _;

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

/// Returns the messages with sensitive fields. Fails if one is nested or has a oneof, for which `Debug` cannot be
/// generated.
pub fn sensitive(pool: &DescriptorPool) -> Result<Vec<MessageDescriptor>, String> {
    let option = pool.get_extension_by_name("common.v1.sensitive").ok_or("there is no option common.v1.sensitive")?;
    let is_sensitive = |field: &FieldDescriptor| field.options().get_extension(&option).as_bool().unwrap_or_default();
    let messages = pool.all_messages().filter(|message| message.fields().any(|field| is_sensitive(&field)));
    let messages: Vec<_> = messages.collect();
    for message in &messages {
        if message.parent_message().is_some() || message.oneofs().any(|oneof| !oneof.is_synthetic()) {
            return Err(format!("{}: no sensitive field in a nested message or beside a oneof", message.full_name()));
        }
    }
    Ok(messages)
}

/// Uses the protobuf names as Rust names; a raw identifier would not compile.
pub fn implementation(message: &MessageDescriptor) -> String {
    let (package, name) = (message.package_name().replace('.', "::"), message.name());
    let option = message.parent_pool().get_extension_by_name("common.v1.sensitive");
    let mut fields = String::new();
    for field in message.fields() {
        let is_sensitive =
            option.as_ref().is_some_and(|option| field.options().get_extension(option).as_bool() == Some(true));
        let name = field.name();
        let value = if is_sensitive { "&format_args!(\"[redacted]\")".to_owned() } else { format!("&self.{name}") };
        let _ = writeln!(fields, "            .field({name:?}, {value})");
    }
    format!(
        "impl ::core::fmt::Debug for crate::proto::{package}::{name} {{
    fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{
        formatter
            .debug_struct({name:?})
{fields}            .finish()
    }}
}}
"
    )
}

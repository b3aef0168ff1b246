//! Compiles `proto/**/*.proto` with protox, which needs no `protoc`.
//!
//! A message with a field that has the option `(common.v1.sensitive)` gets a generated `Debug` that redacts the field.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(contracts(&root)?)?;
    let descriptors = compiler.file_descriptor_set();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), prost_encode(&descriptors))?;
    let sensitive = sensitive(&compiler.descriptor_pool())?;
    fs::write(out.join("debug.rs"), sensitive.iter().map(debug).collect::<String>())?;
    let names = sensitive.iter().map(|message| format!(".{}", message.full_name()));
    tonic_prost_build::configure().skip_debug(names).include_file("packages.rs").compile_fds(descriptors)?;
    Ok(())
}

/// Lists every `.proto` file below `folder`, in an order that does not depend on the file system.
fn contracts(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(contracts(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Returns the messages with sensitive fields. Fails if one of them is nested or has a oneof, for which `Debug` cannot be generated.
fn sensitive(pool: &DescriptorPool) -> Result<Vec<MessageDescriptor>, String> {
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

/// Generates the `Debug` implementation of a message. It uses the protobuf names as Rust names; a raw identifier would not compile.
fn debug(message: &MessageDescriptor) -> String {
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

fn prost_encode(descriptors: &impl protox::prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}

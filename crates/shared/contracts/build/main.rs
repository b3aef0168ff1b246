//! Compiles `proto/**/*.proto` with protox, which needs no `protoc`. Writes the Rust code, the descriptors of server
//! reflection, and the gateway's descriptors, routes and OpenAPI description.

mod debug;
mod openapi;
mod routes;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let write = |name: &str, content: &[u8]| fs::write(out.join(name), content);

    let mut compiler = protox::Compiler::new([&root])?;
    let of_google = files(&root.join("google"))?;
    let own = files(&root)?.into_iter().filter(|file| !of_google.contains(file));
    compiler.include_imports(true).include_source_info(true).open_files(own)?;
    // Encoded by the compiler, since prost's types lack the options that `extend` declares.
    write("descriptors.bin", &compiler.encode_file_descriptor_set())?;
    let pool = compiler.descriptor_pool();
    let routes = routes::of(&pool)?;
    write("routes.rs", routes::rust(&routes).as_bytes())?;
    write("openapi.json", openapi::document(&routes).as_bytes())?;

    let mut for_gateway = protox::Compiler::new([&root])?;
    // The details of an error may be any of the messages in `google/rpc`.
    let public = routes.iter().map(|route| root.join(route.method.parent_file().name()));
    let errors = of_google.into_iter().filter(|file| file.starts_with(root.join("google/rpc")));
    for_gateway.include_imports(true).open_files(public.chain(errors))?;
    write("gateway.bin", &for_gateway.encode_file_descriptor_set())?;

    let sensitive = debug::sensitive(&pool)?;
    write("debug.rs", sensitive.iter().map(debug::implementation).collect::<String>().as_bytes())?;
    let names = sensitive.iter().map(|message| format!(".{}", message.full_name()));
    let mut descriptors = compiler.file_descriptor_set();
    descriptors.file.retain(|file| file.package() != "google.api");
    // With default stubs, a stand-in implements only the RPCs that it serves. The test `access` of `operations` calls
    // every RPC of the services, so it finds an RPC that is still a stub.
    let generated = tonic_prost_build::configure().skip_debug(names).generate_default_stubs(true);
    generated.include_file("packages.rs").compile_fds(descriptors)?;
    Ok(())
}

/// Lists every `.proto` file below `folder`, sorted, so that the order does not depend on the file system.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

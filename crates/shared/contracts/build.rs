//! Compiles `proto/**/*.proto` with protox, so that no `protoc` is needed.

use std::{env, fs, path::PathBuf};

const FILES: [&str; 13] = [
    "auth/v1/auth.proto",
    "user/v1/user.proto",
    "common/v1/common.proto",
    "inventory/v1/inventory.proto",
    "payment/v1/payment.proto",
    "assembly/v1/assembly.proto",
    "notification/v1/notification.proto",
    "events/v1/events.proto",
    "delivery/v1/delivery.proto",
    "geo/geo.proto",
    "order/v1/order.proto",
    "order/events/order_status_changed.proto",
    "basket/events/basket_confirmed.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../proto");
    println!("cargo:rerun-if-changed={}", root.display());

    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), prost_encode(&descriptors))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

fn prost_encode(descriptors: &impl protox::prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}

//! Packs the nats-server that `scripts/setup` brought into `.tools/`, if it is there. It downloads nothing.

use std::path::Path;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(packed_nats_server)");
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
    let (archive, digest) = (tools.join("nats-server.gz"), tools.join("nats-server.sha256"));
    for file in [&archive, &digest] {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    if archive.exists() && digest.exists() {
        println!("cargo::rustc-cfg=packed_nats_server");
        println!("cargo::rustc-env=OSAPI_PACKED_NATS_SERVER={}", archive.display());
        println!("cargo::rustc-env=OSAPI_PACKED_NATS_SERVER_SHA256={}", digest.display());
    }
}

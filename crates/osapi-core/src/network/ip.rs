//! The schema of addresses, which the standard library's type does not bring along.

use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{KnownFormat, ObjectBuilder, Schema, SchemaFormat};

/// An IPv4 or an IPv6 address.
#[must_use]
pub fn alternatives() -> AnyOfBuilder {
    let of = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
    AnyOfBuilder::new().item(of(KnownFormat::Ipv4)).item(of(KnownFormat::Ipv6))
}

/// At most 16 addresses, or nothing.
#[must_use]
pub fn optional_servers() -> Schema {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(alternatives())
        .max_items(Some(16))
        .into()
}

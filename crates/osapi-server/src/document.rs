//! The OpenAPI document: what the handlers say of themselves, and what the table of routes says of all of them.

use osapi_core::{OperationKind, api};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::access::Access;

/// The name of the scheme all guarded routes have.
const SCHEME: &str = "bearer";

/// The API's document, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> Value {
    let mut document = serde_json::to_value(crate::router::table().into_parts().2).unwrap_or_default();
    refine(&mut document["components"]["schemas"]);
    let operations = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in operations.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().filter_map(|parameter| parameter.get_mut("schema")).for_each(never_null);
    }
    document
}

/// A parameter that is not there is left out; it cannot be `null`, as a field of a body can.
fn never_null(schema: &mut Value) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|of| of != "null");
        if let [only] = &types[..] {
            schema["type"] = only.clone();
        }
    } else if let Some(Value::Array(alternatives)) = schema.get_mut("oneOf") {
        alternatives.retain(|alternative| alternative["type"] != "null");
        if let [only] = &alternatives[..] {
            *schema = only.clone();
        }
    }
}

/// Says what goes together, for which derived schemas have no words. `Operation::check` has the same rules.
fn refine(schemas: &mut Value) {
    let given = |list: &str| json!({"required": [list], "properties": {list: {"type": "array"}}});
    for name in ["DnsUpdate", "DnsChange"] {
        schemas[name]["anyOf"] = json!([given("servers"), given("search_domains")]);
    }
    let nothing_else = json!({
        "cancel": {"const": true}, "delay_seconds": {"const": 0}, "reason": {"type": "null"}, "force": {"const": false},
        "acknowledge_package_database_corruption_risk": {"const": false},
    });
    schemas["PowerRequest"]["anyOf"] =
        json!([{"properties": {"cancel": {"const": false}}}, {"properties": nothing_else}]);
}

/// What the document holds beside the routes.
pub(crate) fn skeleton() -> OpenApi {
    let info = InfoBuilder::new()
        .title("OSAPI")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "One API for a fleet of Linux hosts. Every operation takes a `target` and answers with one row per expected \
             host. Errors have one shape, `Problem`.",
        ))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let mut schemas = vec![(api::Problem::name().into_owned(), api::Problem::schema())];
    api::Problem::schemas(&mut schemas);
    let token = SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    let components =
        utoipa::openapi::ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme(SCHEME, token).build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// Adds to a route what follows from the table: its permission, its operation, and the errors every such route may give.
pub(crate) fn describe(operation: &mut Operation, access: Access, kind: Option<OperationKind>) {
    let has_input = operation.parameters.is_some() || operation.request_body.is_some();
    let mut errors = vec![(500, "A fault of the server."), (503, "Too many requests at once.")];
    if has_input {
        errors.push((400, "The request is wrong; the message names the field."));
    }
    if operation.request_body.is_some() {
        errors.push((413, "The body is too large."));
        errors.push((415, "The body is not JSON."));
    }
    match access {
        Access::Public => operation.security = Some(vec![]),
        Access::Token | Access::Needs(_) => {
            errors.push((401, "No token that counts."));
            errors.push((429, "The token makes too many requests."));
            operation.security = Some(vec![SecurityRequirement::new(SCHEME, [""; 0])]);
        }
    }
    if let Access::Needs(permission) = access {
        errors.push((403, "The token does not permit it."));
        extend(operation, "x-permission", permission.as_str());
    }
    if let Some(kind) = kind {
        extend(operation, "x-operation", kind.name());
        errors.extend([
            (404, "No such worker."),
            (409, "It contradicts the state of the host, or was called off."),
            (422, "The host lacks the mechanism."),
            (502, "The host tried and failed."),
            (504, "Not done in time; the job goes on."),
        ]);
        mixed(operation);
    }
    for (status, description) in errors {
        let status = status.to_string();
        operation.responses.responses.entry(status).or_insert_with(|| problem(description).into());
    }
}

/// 207 has the same body as 200.
fn mixed(operation: &mut Operation) {
    if let Some(utoipa::openapi::RefOr::T(ok)) = operation.responses.responses.get("200") {
        let mut mixed = ok.clone();
        mixed.description = "Not every row is `ok`.".to_owned();
        operation.responses.responses.insert("207".to_owned(), mixed.into());
    }
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(api::Problem::name()))).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .header("X-Request-Id", HeaderBuilder::new().schema(Some(String::schema())).build())
        .build()
}

fn extend(operation: &mut Operation, name: &str, value: &str) {
    let extension = ExtensionsBuilder::new().add(name, value).build();
    match &mut operation.extensions {
        Some(extensions) => extensions.merge(extension),
        None => operation.extensions = Some(extension),
    }
}

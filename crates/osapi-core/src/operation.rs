//! Every operation there is, in one table.
//!
//! Adding one is a line here, its input and outcome types in the module of its noun, a file in the host layer, and what
//! the compiler then asks for: every place that must know of it is an exhaustive match.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Failure;
use crate::network::{DnsQuery, DnsSettings, DnsUpdate, DnsUpdated, Ping, PingStatistics};
use crate::package::{PackageFilter, PackageList};
use crate::permission::Permission;
use crate::system::{
    DiskUsage, Hostname, HostnameUpdate, HostnameUpdated, LoadAverage, MemoryUsage, OsInfo, PowerRequest,
    PowerScheduled, ServiceQuery, ServiceState, SystemStatus, Uptime,
};

/// Whether carrying it out may alter the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Reads only; may be repeated.
    Query,
    /// Alters the host; is carried out at most once per job and host.
    Modify,
}

impl Class {
    /// The word in subjects and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Modify => "modify",
        }
    }
}

/// The input of an operation that needs none: an empty object, or nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident($input:ty) -> $outcome:ty = $name:literal, $class:ident, $permission:ident;)*) => {
        /// Something to do on a host, with its input.
        ///
        /// On the wire `{"type": "<name>", "data": {…}}`; `data` may be left out where nothing is needed.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Operation {
            $($(#[$doc])* $variant($input),)*
        }

        /// Which operation it is, without its input.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum OperationKind {
            $($(#[$doc])* $variant,)*
        }

        /// What carrying an operation out gave, one variant per operation.
        ///
        /// Serialised it is the bare value of the variant; the kind of the operation tells how to read it back.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[expect(clippy::large_enum_variant, reason = "there is one per job and host, made and serialised once")]
        pub enum Outcome {
            $($(#[$doc])* $variant($outcome),)*
        }

        impl OperationKind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on every wire, such as `network.dns.update`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Whether it may alter the host.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class),* }
            }

            /// What a caller must be allowed to do to ask for it.
            #[must_use]
            pub const fn permission(self) -> Permission {
                match self { $(Self::$variant => Permission::$permission),* }
            }

            /// Reads an input; `null` counts as an empty object.
            fn read(self, data: Value) -> Result<Operation, serde_json::Error> {
                let data = match data {
                    Value::Null => Value::Object(serde_json::Map::new()),
                    // A derived reader would take it for the fields in their order.
                    Value::Array(_) => return Err(serde::de::Error::custom("it must be an object, not an array")),
                    data => data,
                };
                Ok(match self { $(Self::$variant => Operation::$variant(serde_json::from_value(data)?)),* })
            }

            /// The schema of the input, which the components of the document hold.
            #[cfg(feature = "schema")]
            fn input_schema(self) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                match self {
                    $(Self::$variant => utoipa::openapi::Ref::from_schema_name(<$input as utoipa::ToSchema>::name()).into()),*
                }
            }

            /// Adds the schemas of all inputs.
            #[cfg(feature = "schema")]
            fn add_input_schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
                $(
                    schemas.push((
                        <$input as utoipa::ToSchema>::name().into(),
                        <$input as utoipa::PartialSchema>::schema(),
                    ));
                    <$input as utoipa::ToSchema>::schemas(schemas);
                )*
            }

            /// Reads back what an operation of this kind gave.
            ///
            /// # Errors
            /// The value is not what this operation gives.
            pub fn read_outcome(self, data: Value) -> Result<Outcome, serde_json::Error> {
                Ok(match self { $(Self::$variant => Outcome::$variant(serde_json::from_value(data)?)),* })
            }
        }

        impl Operation {
            /// Which operation it is.
            #[must_use]
            pub const fn kind(&self) -> OperationKind {
                match self { $(Self::$variant(_) => OperationKind::$variant),* }
            }

            /// The input as JSON.
            ///
            /// # Errors
            /// Never for the types of the table; kept because serialisation is fallible by signature.
            pub fn data(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(input) => serde_json::to_value(input)),* }
            }
        }
    };
}

operations! {
    /// Reads the host name.
    SystemHostnameGet(NoInput) -> Hostname = "system.hostname.get", Query, SystemRead;
    /// Sets the host name, now and after the next boot.
    SystemHostnameUpdate(HostnameUpdate) -> HostnameUpdated = "system.hostname.update", Modify, SystemWrite;
    /// Reads host name, uptime, operating system, load, memory and disks in one.
    SystemStatusGet(NoInput) -> SystemStatus = "system.status.get", Query, SystemRead;
    /// Reads how long the host has been up.
    SystemUptimeGet(NoInput) -> Uptime = "system.uptime.get", Query, SystemRead;
    /// Reads what operating system it is.
    SystemOsGet(NoInput) -> OsInfo = "system.os.get", Query, SystemRead;
    /// Reads the usage of every real file system.
    SystemDiskGet(NoInput) -> DiskUsage = "system.disk.get", Query, SystemRead;
    /// Reads memory and swap.
    SystemMemoryGet(NoInput) -> MemoryUsage = "system.memory.get", Query, SystemRead;
    /// Reads the load averages.
    SystemLoadGet(NoInput) -> LoadAverage = "system.load.get", Query, SystemRead;
    /// Restarts the host, or takes back a restart not yet begun.
    SystemRebootExecute(PowerRequest) -> PowerScheduled = "system.reboot.execute", Modify, SystemWrite;
    /// Shuts the host down, or takes back a shutdown not yet begun.
    SystemShutdownExecute(PowerRequest) -> PowerScheduled = "system.shutdown.execute", Modify, SystemWrite;
    /// Reads the state of one systemd or OpenRC service.
    SystemServiceGet(ServiceQuery) -> ServiceState = "system.service.get", Query, SystemRead;
    /// Reads name servers and search domains.
    NetworkDnsGet(DnsQuery) -> DnsSettings = "network.dns.get", Query, NetworkRead;
    /// Sets name servers or search domains of one interface, for good.
    NetworkDnsUpdate(DnsUpdate) -> DnsUpdated = "network.dns.update", Modify, NetworkWrite;
    /// Sends ICMP echo requests. It alters nothing, yet asks for `network:write`, because it sends.
    NetworkPingDo(Ping) -> PingStatistics = "network.ping.do", Query, NetworkWrite;
    /// Lists packages.
    PackageListGet(PackageFilter) -> PackageList = "package.list.get", Query, PackageRead;
}

/// Why something is not an operation.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOperation {
    /// No operation has that name.
    #[error("`{name}` is not an operation")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The operation exists and its input is wrong.
    #[error("the data of `{name}` is wrong: {source}")]
    Data {
        /// The operation.
        name: &'static str,
        /// What is wrong, with the field's name.
        source: serde_json::Error,
    },
}

impl OperationKind {
    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl Operation {
    /// Reads an operation from its name and its input; `Value::Null` counts as no input.
    ///
    /// # Errors
    /// No operation has that name, or the input has an unknown field or a wrong value.
    pub fn read(name: &str, data: Value) -> Result<Self, InvalidOperation> {
        let kind = OperationKind::named(name)
            .ok_or_else(|| InvalidOperation::Unknown { name: name.chars().take(80).collect() })?;
        kind.read(data).map_err(|source| InvalidOperation::Data { name: kind.name(), source })
    }

    /// The name on every wire, such as `network.dns.update`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether it may alter the host.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.kind().class()
    }

    /// What a caller must be allowed to do to ask for it.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.kind().permission()
    }

    /// Checks what the types alone do not: bounds, and fields that go together. Every door asks before it accepts one,
    /// and every host before it carries one out.
    ///
    /// # Errors
    /// `invalid`, naming the field and its bounds.
    pub fn check(&self) -> Result<(), Failure> {
        match self {
            Self::SystemHostnameUpdate(update) => update.check(),
            Self::SystemRebootExecute(request) | Self::SystemShutdownExecute(request) => request.check(),
            Self::NetworkDnsUpdate(update) => update.check(),
            Self::NetworkPingDo(ping) => ping.check(),
            Self::PackageListGet(filter) => filter.check(),
            Self::SystemHostnameGet(NoInput {})
            | Self::SystemStatusGet(NoInput {})
            | Self::SystemUptimeGet(NoInput {})
            | Self::SystemOsGet(NoInput {})
            | Self::SystemDiskGet(NoInput {})
            | Self::SystemMemoryGet(NoInput {})
            | Self::SystemLoadGet(NoInput {})
            | Self::SystemServiceGet(_)
            | Self::NetworkDnsGet(_) => Ok(()),
        }
    }
}

impl std::fmt::Display for OperationKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for OperationKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for OperationKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is not an operation")))
    }
}

#[cfg(feature = "schema")]
mod schema {
    //! The document of an operation: one alternative per line of the table, so that it refuses what we refuse.

    use utoipa::openapi::schema::{AdditionalProperties, Schema, Type};
    use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use super::{Operation, OperationKind};

    impl PartialSchema for OperationKind {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(Self::ALL.iter().map(|kind| kind.name())))
                .into()
        }
    }

    impl ToSchema for OperationKind {}

    impl PartialSchema for Operation {
        fn schema() -> RefOr<Schema> {
            let alternatives = OperationKind::ALL.iter().map(|kind| {
                let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind.name()]));
                let object = ObjectBuilder::new()
                    .property("type", name)
                    .required("type")
                    .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
                if kind.read(serde_json::Value::Null).is_err() {
                    return object.property("data", kind.input_schema()).required("data");
                }
                let null = ObjectBuilder::new().schema_type(Type::Null);
                object.property("data", OneOfBuilder::new().item(null).item(kind.input_schema()))
            });
            alternatives.fold(OneOfBuilder::new(), OneOfBuilder::item).into()
        }
    }

    impl ToSchema for Operation {
        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            OperationKind::add_input_schemas(schemas);
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    r#type: String,
    #[serde(default)]
    data: Value,
}

impl Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let data = self.data().map_err(serde::ser::Error::custom)?;
        Wire { r#type: self.name().to_owned(), data }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        let wire: Wire = serde_json::from_value(Value::Object(fields)).map_err(serde::de::Error::custom)?;
        Self::read(&wire.r#type, wire.data).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for kind in OperationKind::ALL {
            assert_eq!(OperationKind::named(kind.name()), Some(*kind));
        }
    }

    #[test]
    fn input_is_checked_and_unknown_fields_are_refused_by_name() {
        let read = |text: &str| serde_json::from_str::<Operation>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"{"type":"system.hostname.get"}"#), Ok(Operation::SystemHostnameGet(NoInput {})));
        assert_eq!(read(r#"{"type":"system.hostname.get","data":null}"#), Ok(Operation::SystemHostnameGet(NoInput {})));
        for (text, part) in [
            (r#"{"type":"system.nothing.get"}"#, "`system.nothing.get` is not an operation"),
            (r#"{"type":"system.hostname.get","data":{"x":1}}"#, "unknown field `x`"),
            (r#"{"type":"system.hostname.get","extra":1}"#, "unknown field `extra`"),
            (r#"{"type":"system.hostname.update","data":{}}"#, "missing field `hostname`"),
            (r#"{"type":"system.hostname.update","data":["a"]}"#, "it must be an object"),
            (r#"["system.hostname.get"]"#, "expected a map"),
            (
                r#"{"type":"network.dns.update","data":{"interface":"eth0","dns_servers":[]}}"#,
                "unknown field `dns_servers`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn bounds_and_fields_that_go_together_are_checked_by_name() {
        for (name, data, part) in [
            ("network.ping.do", r#"{"address":"::1","count":0}"#, "`count` must be 1 to 100"),
            ("network.ping.do", r#"{"address":"::1","interval_ms":1}"#, "`interval_ms` must be 200 to 10000"),
            ("network.ping.do", r#"{"address":"::1","timeout_ms":1}"#, "`timeout_ms` must be 100 to 10000"),
            ("network.dns.update", r#"{"interface":"eth0"}"#, "one of `servers` and `search_domains`"),
            ("system.reboot.execute", r#"{"delay_seconds":604801}"#, "`delay_seconds` must be at most 604800"),
            ("system.reboot.execute", r#"{"reason":"a\nb"}"#, "`reason` must be one line"),
            ("system.reboot.execute", r#"{"cancel":true,"force":true}"#, "nothing else may be given with `cancel`"),
        ] {
            let error = Operation::read(name, serde_json::from_str(data).unwrap()).unwrap().check().unwrap_err();
            assert!(error.message.contains(part), "{data}: {error}");
        }
        let long = format!(r#"{{"hostname":"{}.example"}}"#, "a".repeat(60));
        let update = Operation::read("system.hostname.update", serde_json::from_str(&long).unwrap()).unwrap();
        assert!(update.check().unwrap_err().message.contains("at most 64"));
    }

    #[test]
    fn an_operation_survives_the_wire() {
        let text = r#"{"type":"system.hostname.update","data":{"hostname":"web-01"}}"#;
        let operation: Operation = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&operation).unwrap(), text);
    }
}

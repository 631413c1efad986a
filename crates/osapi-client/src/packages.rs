//! `/api/v1/packages`.

use osapi_core::Target;
use osapi_core::api::Collection;
use osapi_core::package::{PackageFilter, PackageList};

use crate::{Answer, Client, ClientError};

impl Client {
    /// Lists packages.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn package_list(
        &self,
        target: &Target,
        filter: &PackageFilter,
    ) -> Result<Answer<Collection<PackageList>>, ClientError> {
        let call = self.get("/api/v1/packages").query("target", target);
        call.query_if("name", filter.name.as_ref()).json(&[]).await
    }
}

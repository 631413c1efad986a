//! One host with two name servers outside it that answer differently, and what every host must do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use osapi_testkit::lab::{Lab, NameServer, Preparation};
use serde_json::{Value, json};

use crate::lab_host::{Answer, carry_out};

/// Nobody is there.
pub(super) const DEAD: &str = "10.88.0.99";
const BOUND: Duration = Duration::from_secs(60);

pub(super) struct Scene {
    pub(super) lab: Lab,
    _first: NameServer,
    pub(super) second: NameServer,
    mechanism: &'static str,
}

/// How the host's services start again as after a change by somebody else.
pub(super) enum Restart {
    Services(&'static str),
    Reboot,
    /// There are none.
    Nothing,
}

impl Scene {
    /// A host that has been set up with the server 10.88.0.53 and the search domain `old.example`.
    pub(super) async fn boot(preparation: Preparation, mechanism: &'static str) -> anyhow::Result<Self> {
        Self::with(preparation.boot().await?, mechanism).await
    }

    pub(super) async fn with(lab: Lab, mechanism: &'static str) -> anyhow::Result<Self> {
        let first = lab.name_server("10.88.0.53", "192.0.2.53")?;
        let second = lab.name_server("10.88.0.54", "192.0.2.54")?;
        let scene = Self { lab, _first: first, second, mechanism };
        scene.until_answered_by("192.0.2.53").await?;
        Ok(scene)
    }

    pub(super) async fn get(&self) -> anyhow::Result<Value> {
        carry_out(&self.lab, &[], "network.dns.get", json!({ "interface": "eth0" })).await?.outcome()
    }

    pub(super) async fn update(&self, data: Value) -> anyhow::Result<Answer> {
        carry_out(&self.lab, &[], "network.dns.update", data).await
    }

    pub(super) async fn change(&self, mut lists: Value) -> anyhow::Result<Value> {
        lists["interface"] = json!("eth0");
        self.update(lists).await?.outcome()
    }

    /// What the host's own resolver says of a name that nobody has asked for before.
    pub(super) async fn answer(&self) -> anyhow::Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("n{}.test.example", NUMBER.fetch_add(1, Ordering::Relaxed));
        let said = self.lab.run(&["timeout", "5", "getent", "ahostsv4", &name]).await?;
        Ok(said.stdout.split_whitespace().next().unwrap_or_default().to_owned())
    }

    pub(super) async fn until_answered_by(&self, address: &str) -> anyhow::Result<()> {
        self.until(address, async || self.answer().await).await
    }

    /// Waits until that is the first server in force.
    pub(super) async fn until_server_is(&self, address: &str) -> anyhow::Result<()> {
        let first = async || Ok(self.get().await?["servers"][0].as_str().unwrap_or_default().to_owned());
        self.until(address, first).await
    }

    async fn until(&self, expected: &str, ask: impl AsyncFn() -> anyhow::Result<String>) -> anyhow::Result<()> {
        let waiting = async {
            loop {
                let now = ask().await?;
                if now == expected {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(BOUND, waiting).await.unwrap_or_else(|_| Err(anyhow::anyhow!("never `{expected}`")))
    }

    /// What every host must do, whatever rules its name resolution.
    pub(super) async fn behaves(&mut self, restart: Restart) -> anyhow::Result<()> {
        let interface = self.get().await?["interface"].clone();
        let expect = |servers: Value, search: Value| match &interface {
            Value::Null => json!({ "servers": servers, "search_domains": search, "mechanism": self.mechanism }),
            _ => {
                json!({ "interface": "eth0", "servers": servers, "search_domains": search, "mechanism": self.mechanism })
            }
        };
        let old = expect(json!(["10.88.0.53"]), json!(["old.example"]));
        assert_eq!(self.get().await?, old);

        // A list left out stays.
        let new = expect(json!(["10.88.0.54"]), json!(["old.example"]));
        let got = self.change(json!({ "servers": ["10.88.0.54"] })).await?;
        assert_eq!(got, json!({ "settings": new, "previous": old, "change": "updated" }));
        assert_eq!(self.answer().await?, "192.0.2.54");

        // Asking twice writes nothing.
        let written = self.files().await?;
        let got = self.change(json!({ "servers": ["10.88.0.54", "10.88.0.54"] })).await?;
        assert_eq!(got, json!({ "settings": new, "previous": new, "change": "unchanged" }));
        assert_eq!(self.files().await?, written);

        let both = expect(json!(["10.88.0.54", "10.88.0.53"]), json!(["new.example", "b.example"]));
        let lists = json!({ "servers": ["10.88.0.54", "10.88.0.53"], "search_domains": ["new.example", "b.example"] });
        assert_eq!(self.change(lists).await?["settings"], both);
        self.lab.run(&["timeout", "5", "getent", "ahostsv4", "short"]).await?;
        assert!(self.second.asked().contains(&"short.new.example".to_owned()), "{:?}", self.second.asked());

        self.refuses(&both).await?;

        match restart {
            Restart::Services(units) => drop(self.lab.shell(&format!("systemctl restart {units}")).await?),
            Restart::Nothing => {}
            Restart::Reboot => self.lab.reboot().await?,
        }
        self.until_server_is("10.88.0.54").await?;
        self.until_answered_by("192.0.2.54").await?;
        assert_eq!(self.get().await?, both);

        let cleared = expect(json!(["10.88.0.54", "10.88.0.53"]), json!([]));
        assert_eq!(self.change(json!({ "search_domains": [] })).await?["settings"], cleared);
        assert_eq!(self.get().await?, cleared);
        self.change(json!({ "servers": [] })).await?;
        assert_eq!(self.get().await?, expect(json!([]), json!([])));
        Ok(())
    }

    /// What is wrong changes nothing, and a server that does not answer is taken back.
    async fn refuses(&self, now: &Value) -> anyhow::Result<()> {
        let written = self.files().await?;
        let wrong = [
            (json!({ "interface": "eth9", "servers": [] }), "not_found", "no interface `eth9`"),
            (json!({ "interface": "eth0", "servers": ["0.0.0.0"] }), "invalid", "`0.0.0.0` is no address"),
        ];
        for (data, code, part) in wrong {
            let (got, message) = self.update(data.clone()).await?.failure()?;
            assert!(got == code && message.contains(part), "{data}: {got}: {message}");
        }
        let dead = json!({ "interface": "eth0", "servers": [DEAD], "search_domains": ["dead.example"] });
        let answer = carry_out(&self.lab, &["--through-worker"], "network.dns.update", dead.clone()).await?;
        let (code, message) = answer.failure()?;
        assert_eq!(code, "unavailable", "{message}");
        assert!(message.contains("what was before is in force again"), "{message}");
        assert_eq!(&self.get().await?, now);
        assert_eq!(self.answer().await?, "192.0.2.54");
        assert_eq!(self.files().await?, written, "a file is not as it was");
        Ok(())
    }

    /// Starts a change through a worker to a server that does not answer, and kills it while it waits for the answer.
    pub(super) async fn kill_half_way(&self) -> anyhow::Result<()> {
        let operation = json!({ "type": "network.dns.update", "data": { "interface": "eth0", "servers": [DEAD] } });
        let killing = async {
            self.until_server_is(DEAD).await?;
            self.lab.shell("kill -KILL $(cat /tmp/changing)").await
        };
        let words = ["bash", "-c", "echo $$ >/tmp/changing; exec carry-out --through-worker"];
        let operation = operation.to_string();
        let changing = self.lab.feed(&words, &operation);
        let (changed, killed) = tokio::join!(changing, killing);
        killed?;
        let changed = changed?;
        assert_eq!((changed.status, changed.stdout.as_str()), (137, ""), "it was not killed half-way");
        Ok(())
    }

    /// Every file that tells a host its name servers, with its contents; not when it was written.
    async fn files(&self) -> anyhow::Result<String> {
        let folders =
            "/etc/systemd /etc/netplan /etc/NetworkManager/system-connections /etc/resolv.conf /var/lib/osapi";
        // NetworkManager notes in a connection when it was last used.
        let list = format!("find {folders} -type f 2>/dev/null | sort | xargs grep -H '' | grep -v timestamp=");
        self.lab.shell(&format!("({list}) || true")).await
    }
}

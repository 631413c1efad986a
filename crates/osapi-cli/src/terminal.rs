//! The terminal's modes, changed for a while and given back.

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// A terminal on stdin whose modes are put back when this is dropped.
#[derive(Debug)]
pub(crate) struct Modes {
    before: Termios,
}

impl Modes {
    /// Control characters are not written out as `^C`, which would disturb what is being redrawn. `None` where stdin is
    /// no terminal.
    pub(crate) fn without_control_echo() -> Option<Self> {
        Self::change(|modes| modes.local_modes &= !LocalModes::ECHOCTL).ok()
    }

    /// Keys come one by one and unseen; Ctrl-C is a key too, so that the screen can be given back.
    pub(crate) fn key_by_key() -> std::io::Result<Self> {
        Self::change(|modes| {
            modes.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        })
    }

    fn change(change: impl FnOnce(&mut Termios)) -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut modes = before.clone();
        change(&mut modes);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &modes)?;
        Ok(Self { before })
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        // A terminal that is gone wants nothing back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

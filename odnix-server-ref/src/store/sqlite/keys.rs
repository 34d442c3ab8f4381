use super::SqliteTx;
use super::statements::Rows;
use crate::store::rows::{Device, KeyRecord, LoggedIn, UserId};
use crate::store::{Keys, Settings, StoreError};
use odnix_proto::{AuthKeyId, Secret};

impl Keys for SqliteTx<'_> {
    fn insert_key(&mut self, key: &KeyRecord, anonymous_max: i64) -> Result<bool, StoreError> {
        let inserted = self.execute(
            "INSERT INTO sessions (auth_key_id, auth_key, server_salt, dc, created_at, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            (
                key.id.to_bytes(),
                key.auth_key.expose_secret(),
                key.server_salt,
                key.dc,
                key.created_at,
                key.created_at.saturating_mul(1_000_000),
            ),
        )?;
        self.execute(
            "DELETE FROM sessions WHERE rowid IN (
                 SELECT rowid FROM sessions WHERE user_id IS NULL
                 ORDER BY used_at DESC, rowid DESC LIMIT -1 OFFSET ?1)",
            [anonymous_max],
        )?;
        Ok(inserted == 1)
    }

    fn use_key(&mut self, id: AuthKeyId, now_us: i64) -> Result<Option<KeyRecord>, StoreError> {
        self.execute(
            "UPDATE sessions SET used_at = ?2 WHERE auth_key_id = ?1 AND user_id IS NULL",
            (id.to_bytes(), now_us),
        )?;
        self.maybe(
            "SELECT auth_key, server_salt, dc, created_at FROM sessions WHERE auth_key_id = ?1",
            [id.to_bytes()],
            |row| {
                let mut auth_key: [u8; 256] = row.get(0)?;
                Ok(KeyRecord {
                    id,
                    auth_key: Secret::take(&mut auth_key),
                    server_salt: row.get(1)?,
                    dc: row.get(2)?,
                    created_at: row.get(3)?,
                })
            },
        )
    }

    fn delete_key(&mut self, id: AuthKeyId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM sessions WHERE auth_key_id = ?1", [id.to_bytes()])? == 1)
    }

    fn session_user(&mut self, id: AuthKeyId) -> Result<Option<UserId>, StoreError> {
        let user: Option<Option<UserId>> = self.maybe(
            "SELECT user_id FROM sessions WHERE auth_key_id = ?1",
            [id.to_bytes()],
            |row| row.get(0),
        )?;
        Ok(user.flatten())
    }

    fn set_session_user(
        &mut self,
        id: AuthKeyId,
        user: Option<UserId>,
        layer: Option<i32>,
    ) -> Result<bool, StoreError> {
        let changed = self.execute(
            "UPDATE sessions SET user_id = ?2, layer = coalesce(?3, layer)
             WHERE auth_key_id = ?1",
            (id.to_bytes(), user, layer),
        )?;
        Ok(changed == 1)
    }

    fn set_device(&mut self, id: AuthKeyId, device: &Device, now: i64) -> Result<(), StoreError> {
        self.execute(
            "UPDATE sessions SET device_model = ?2, system_version = ?3, app_version = ?4,
                 active_at = ?5
             WHERE auth_key_id = ?1",
            (id.to_bytes(), &device.device_model, &device.system_version, &device.app_version, now),
        )?;
        Ok(())
    }

    fn logins(&mut self, user: UserId, limit: i64) -> Rows<LoggedIn> {
        self.all(
            "SELECT auth_key_id, device_model, system_version, app_version, created_at,
                    max(active_at, created_at) AS active
             FROM sessions WHERE user_id = ?1 ORDER BY active DESC, auth_key_id LIMIT ?2",
            (user, limit),
            |row| {
                Ok(LoggedIn {
                    id: AuthKeyId::from_bytes(row.get(0)?),
                    device: Device {
                        device_model: row.get(1)?,
                        system_version: row.get(2)?,
                        app_version: row.get(3)?,
                    },
                    created_at: row.get(4)?,
                    active_at: row.get(5)?,
                })
            },
        )
    }
}

impl Settings for SqliteTx<'_> {
    fn setting(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (name, fresh),
        )?;
        self.one("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0))
    }
}

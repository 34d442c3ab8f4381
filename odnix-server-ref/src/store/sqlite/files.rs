use super::SqliteTx;
use crate::store::rows::{NewFile, StoredFile, UserId};
use crate::store::{Files, StoreError};
use rusqlite::Row;

fn file(row: &Row<'_>) -> rusqlite::Result<StoredFile> {
    Ok(StoredFile {
        id: row.get(0)?,
        sha256: row.get(1)?,
        size: row.get(2)?,
        name: row.get(3)?,
        mime_type: row.get(4)?,
    })
}

impl Files for SqliteTx<'_> {
    fn create_file(&mut self, new: &NewFile<'_>) -> Result<StoredFile, StoreError> {
        self.one(
            "INSERT INTO files (owner, upload, sha256, size, name, mime_type, date)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             RETURNING id, sha256, size, name, mime_type",
            (new.owner, new.upload, new.sha256, new.size, new.name, new.mime_type, new.date),
            file,
        )
    }

    fn file(&mut self, id: i64) -> Result<Option<StoredFile>, StoreError> {
        self.maybe("SELECT id, sha256, size, name, mime_type FROM files WHERE id = ?1", [id], file)
    }

    fn file_of_upload(
        &mut self,
        owner: UserId,
        upload: i64,
    ) -> Result<Option<StoredFile>, StoreError> {
        self.maybe(
            "SELECT id, sha256, size, name, mime_type FROM files
             WHERE owner = ?1 AND upload = ?2",
            (owner, upload),
            file,
        )
    }
}

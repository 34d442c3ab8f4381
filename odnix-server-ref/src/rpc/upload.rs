//! `upload.*`: files, in parts.
//!
//! Bytes go to and from the disk outside every transaction: [`examine`] does that on a thread
//! that may block, between the transaction that says who asks for what ([`Wanted`]) and the one
//! that answers. A file exists once its row is committed; the parts are discarded after that, so
//! an interrupted `upload.finishFile` may be repeated.

use super::view::View;
use super::{Evidence, FILE_NAME_BYTES_MAX, Outcome, RpcError, reply};
use crate::files::{ContentHash, Files, FilesError, PART_BYTES_MAX, PARTS_MAX, Upload};
use crate::store::{NewFile, StoredFile, Tx, UserId};
use bytes::Bytes;
use odnix_proto::AuthKeyId;
use odnix_tl::odnix::functions::upload::{FinishFile, GetFile, GetParts, SaveFilePart};
use odnix_tl::odnix::{Request, types};

/// What the store says before the disk is asked.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Who asks; only a user gets anything to or from the disk.
    user: Option<UserId>,
    file: Option<StoredFile>,
}

/// Whether a request has bytes on the disk.
pub fn concerns(request: &Request) -> bool {
    matches!(
        request,
        Request::UploadSaveFilePart(_)
            | Request::UploadGetParts(_)
            | Request::UploadFinishFile(_)
            | Request::UploadGetFile(_)
    )
}

/// Who asks for what.
///
/// # Errors
/// The store's.
pub fn look_up(tx: &mut dyn Tx, key: AuthKeyId, request: &Request) -> Result<Wanted, RpcError> {
    let user = tx.session_user(key)?;
    let file = match (request, user) {
        (Request::UploadGetFile(it), _) => tx.file(it.id)?,
        (Request::UploadFinishFile(it), Some(user)) => tx.file_of_upload(user, it.file_id)?,
        _ => None,
    };
    Ok(Wanted { user, file })
}

/// Does what has to be done on the disk.
///
/// # Errors
/// The request is refused.
pub fn examine(
    files: &Files,
    access: &super::Rpc,
    request: &Request,
    wanted: &Wanted,
) -> Result<Evidence, RpcError> {
    let user = wanted.user.ok_or(RpcError::AuthKeyUnregistered)?;
    match request {
        Request::UploadSaveFilePart(it) => save_part(files, user, it),
        Request::UploadGetParts(it) => Ok(Evidence::Parts(files.parts(upload(user, it.file_id)?)?)),
        Request::UploadFinishFile(it) => finish(files, user, it, wanted.file.as_ref()),
        Request::UploadGetFile(it) => {
            let file = wanted.file.as_ref();
            let named = |file: &&StoredFile| access.access.file_hash(file.id) == it.access_hash;
            read(files, it, file.filter(named).ok_or(RpcError::FileIdInvalid)?)
        }
        _ => Ok(Evidence::NotNeeded),
    }
}

fn upload(user: UserId, file_id: i64) -> Result<Upload, RpcError> {
    let valid = (file_id != 0).then_some(Upload { user: user.0, file_id });
    valid.ok_or(RpcError::FileIdInvalid)
}

fn save_part(files: &Files, user: UserId, request: &SaveFilePart) -> Result<Evidence, RpcError> {
    let upload = upload(user, request.file_id)?;
    if !(0..PARTS_MAX).contains(&request.file_part) {
        return Err(RpcError::FilePartInvalid);
    }
    if request.bytes.is_empty() || request.bytes.len() > PART_BYTES_MAX {
        return Err(RpcError::FilePartSizeInvalid);
    }
    files.save_part(upload, request.file_part, &request.bytes)?;
    Ok(Evidence::PartStored)
}

fn finish(
    files: &Files,
    user: UserId,
    request: &FinishFile,
    made_before: Option<&StoredFile>,
) -> Result<Evidence, RpcError> {
    let upload = upload(user, request.file_id)?;
    let fits =
        |text: &str| text.len() <= FILE_NAME_BYTES_MAX && !text.chars().any(char::is_control);
    if !fits(&request.name) || !fits(&request.mime_type) {
        return Err(RpcError::FileNameInvalid);
    }
    let hash = ContentHash::try_from(&request.sha256[..]).map_err(|_| RpcError::FileHashInvalid)?;
    if let Some(file) = made_before {
        let same = file.sha256 == hash;
        return same.then_some(Evidence::PartStored).ok_or(RpcError::FileHashInvalid);
    }
    if !(1..=PARTS_MAX).contains(&request.parts) {
        return Err(RpcError::FilePartsInvalid);
    }
    Ok(Evidence::Assembled(hash, files.assemble(upload, request.parts, &hash)?))
}

fn read(files: &Files, request: &GetFile, file: &StoredFile) -> Result<Evidence, RpcError> {
    let offset = u64::try_from(request.offset).map_err(|_| RpcError::OffsetInvalid)?;
    let limit = usize::try_from(request.limit).ok().filter(|it| (1..=PART_BYTES_MAX).contains(it));
    let bytes = files.read(&file.sha256, offset, limit.ok_or(RpcError::LimitInvalid)?);
    Ok(Evidence::Content(bytes.map_err(FilesError::from)?.into(), file.size))
}

pub(super) fn save_file_part(evidence: &Evidence) -> Result<Outcome, RpcError> {
    match evidence {
        Evidence::PartStored => reply(&true),
        _ => Err(RpcError::FileIdInvalid),
    }
}

pub(super) fn get_parts(_: &GetParts, evidence: Evidence) -> Result<Outcome, RpcError> {
    match evidence {
        Evidence::Parts(parts) => reply(&types::upload::Parts { parts }),
        _ => Err(RpcError::FileIdInvalid),
    }
}

pub(super) fn finish_file(
    view: &mut View<'_>,
    request: &FinishFile,
    evidence: &Evidence,
) -> Result<Outcome, RpcError> {
    let me = view.me;
    let file = match (view.tx.file_of_upload(me, request.file_id)?, evidence) {
        (Some(file), _) => file,
        (None, Evidence::Assembled(sha256, size)) => view.tx.create_file(&NewFile {
            owner: me,
            upload: request.file_id,
            sha256: *sha256,
            size: i64::try_from(*size).unwrap_or(i64::MAX),
            name: &request.name,
            mime_type: &request.mime_type,
            date: i64::from(view.date),
        })?,
        (None, _) => return Err(RpcError::FilePartsInvalid),
    };
    let stored = types::StoredFile {
        id: file.id,
        access_hash: view.access.file_hash(file.id),
        size: file.size,
        sha256: Bytes::copy_from_slice(&file.sha256),
        name: file.name,
        mime_type: file.mime_type,
    };
    let finished = Upload { user: me.0, file_id: request.file_id };
    Ok(Outcome { finished_upload: Some(finished), ..reply(&stored)? })
}

pub(super) fn get_file(evidence: Evidence) -> Result<Outcome, RpcError> {
    match evidence {
        Evidence::Content(bytes, size) => reply(&types::upload::File { size, bytes }),
        _ => Err(RpcError::FileIdInvalid),
    }
}

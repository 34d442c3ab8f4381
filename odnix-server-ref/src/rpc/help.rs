//! `help.*`: what a client asks before anyone is logged in.

use super::{Caller, MESSAGE_CHARS_MAX, Outcome, RpcError, reply};
use odnix_tl::odnix::functions::help::Echo;
use odnix_tl::odnix::types;

/// Seconds a client may keep the config.
const CONFIG_LIFETIME_S: i32 = 3600;
/// Dc numbers above this name test dcs.
const TEST_DC_OFFSET: i32 = 10_000;
/// For keys whose client did not say which dc it wants.
const DEFAULT_DC: i32 = 2;

pub(super) fn echo(request: Echo) -> Result<Outcome, RpcError> {
    reply(&types::help::Echoed { data: request.data })
}

pub(super) fn nearest_dc(caller: &Caller) -> Result<Outcome, RpcError> {
    let (_, this_dc) = dc(caller.dc);
    reply(&types::NearestDc { country: String::new(), this_dc, nearest_dc: this_dc })
}

pub(super) fn config(caller: &Caller) -> Result<Outcome, RpcError> {
    let (test_mode, this_dc) = dc(caller.dc);
    let address = caller.tcp_address;
    let here = types::DcOption {
        ipv6: address.is_ipv6(),
        media_only: false,
        tcpo_only: false,
        cdn: false,
        static_: false,
        this_port_only: true,
        id: this_dc,
        ip_address: address.ip().to_string(),
        port: i32::from(address.port()),
        secret: None,
    };
    reply(&types::Config {
        default_p2p_contacts: true,
        preload_featured_stickers: false,
        revoke_pm_inbox: false,
        blocked_mode: false,
        force_try_ipv6: false,
        date: caller.date(),
        expires: caller.date().saturating_add(CONFIG_LIFETIME_S),
        test_mode,
        this_dc,
        dc_options: vec![here],
        dc_txt_domain_name: String::new(),
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 210_000,
        offline_blur_timeout_ms: 5_000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1_500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: 172_800,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        tmp_sessions: None,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: String::new(),
        autoupdate_url_prefix: None,
        gif_search_username: None,
        venue_search_username: None,
        img_search_username: None,
        static_maps_provider: None,
        caption_length_max: 1024,
        message_length_max: i32::try_from(MESSAGE_CHARS_MAX).unwrap_or(i32::MAX),
        webfile_dc_id: this_dc,
        suggested_lang_code: None,
        lang_pack_version: None,
        base_lang_pack_version: None,
        reactions_default: None,
        autologin_token: None,
    })
}

/// Whether it is a test dc, and its number; a media dc is named by its negative.
fn dc(dc: i32) -> (bool, i32) {
    let number = dc.saturating_abs();
    match number.checked_sub(TEST_DC_OFFSET) {
        Some(test @ 1..) => (true, test),
        _ if number == 0 => (false, DEFAULT_DC),
        _ => (false, number),
    }
}

/* Owns preset dictionary number 1 of the device link: members and values of
 * lib/line/messages.def as they follow each other on the wire, the most
 * frequent last, where deflate reaches them with the shortest codes.
 *
 * Both ends must have the same bytes: nothing here may ever change.  A better
 * dictionary would be a second one, with a format number of its own. */
#include "seal/pack.h"

#include "base/cc.h"

const unsigned char bb_pack_dictionary[] =
    "inactive killed lost finished refused moved replaced evicted "
    "stale superseded unreachable reattach badbody unknown-session "
    "badrequest unavailable badlogin denied failed invisible away "
    "sametime groupwise ocs xmpp bbrouter bbdispatch bbcollab "
    "bad login not permitted Failed (300) Server Busy "
    "{\"op\":\"notice\",\"code\":\"busy\",\"text\":\"\",\"told\":"
    "{\"op\":\"bye\",\"ended\":\"logout\"}"
    "{\"op\":\"resume\",\"service\":\"local\",\"session\":\""
    "\",\"trace\":[{\"step\":3,\"hop\":\"bbdispatch\",\"what\":\"\",\"us\":"
    ",\"reason\":\"\",\"code\":300,\"retry_after\":60,"
    "{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\",\"session\":\""
    "\",\"resume\":false,\"status_interval\":60,\"up_next\":1,"
    "\"newkid\":\"\",\"nonce\":\""
    "{\"op\":\"login\",\"service\":\"local\",\"user\":\"\","
    "\"password\":\"\",\"client\":\"bbdevice \",\"numbering\":\""
    "\",\"have\":0,\"coverage\":true,\"trace\":true}"
    "{\"op\":\"presence\",\"show\":\"available\",\"status\":\"\"}"
    "{\"op\":\"alive\",\"coverage\":false,\"ack\":1}"
    "{\"op\":\"batch\",\"msgs\":[],\"fetch\":true,\"more\":true}"
    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":1,"
    "\"from\":\"\",\"text\":\"\",\"time\":179"
    "},{\"op\":\"send\",\"n\":1,\"to\":\"\",\"text\":\""
    "}],\"results\":[{\"n\":1,\"result\":\"sent\"}],\"ack\":1}"
    "{\"op\":\"events\",\"ack\":";
/* Without the zero that ends the literal. */
const size_t bb_pack_dictionary_len = sizeof(bb_pack_dictionary) - 1;

#!/bin/bash
# Generated payloads before an independent judge: Wireshark must find nothing malformed, no
# wrong checksum, and the protocol that belongs to each port.
#
# PAYLOAD_PCAP names the generator of the conversations, TSHARK the judge.
set -u

generator=${PAYLOAD_PCAP:-tests/payload_pcap}
tshark=${TSHARK:-tshark}

if ! command -v "$tshark" >/dev/null; then
    echo "skipped: no tshark to judge by"
    exit 77
fi

scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
capture=$scratch/payload.pcap

"$generator" "$capture" || { echo "FAIL: $generator writes no capture"; exit 99; }

# Fields of all frames that pass a filter; what the judge says about itself is no finding.
fields() {
    "$tshark" -n -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -r "$capture" "$@" 2>"$scratch/errors" || { cat "$scratch/errors"; exit 99; }
}

fields -T fields -e frame.protocols >"$scratch/protocols" || exit 99
fields -Y '_ws.malformed || _ws.expert.group == "Checksum"' \
    -T fields -e frame.number -e frame.protocols -e tcp.srcport -e tcp.dstport -e tcp.len \
    -e udp.srcport -e udp.dstport -e udp.length >"$scratch/findings" || exit 99

status=0
frames=$(wc -l <"$scratch/protocols")
findings=$(wc -l <"$scratch/findings")
echo "$frames frames, $findings malformed or with a wrong checksum"
if [ "$findings" -ne 0 ]; then
    echo "FAIL: frame, protocols, TCP ports and length, UDP ports and length:"
    head -n 20 "$scratch/findings"
    status=1
fi
if [ "$frames" -lt 10000 ]; then
    echo "FAIL: too few frames to mean anything"
    status=1
fi

for protocol in dns mdns llmnr nbns ntp snmp syslog ssdp http tls smtp ftp pop imap ssh mqtt; do
    count=$(grep -cE ":$protocol(:|\$)" "$scratch/protocols")
    printf '%-8s %7d frames\n' "$protocol" "$count"
    if [ "$count" -lt 100 ]; then
        echo "FAIL: $protocol is hardly ever recognised"
        status=1
    fi
done
exit $status

# Shared by suricata.sh and suricata-live.sh: what Suricata sees, as counts of events.
# To be sourced behind common.sh; $out is a directory for files.
# shellcheck shell=bash disable=SC2154 # variables are from the sourcing script

# need_tools TOOL...: of which suricata is one
need_tools() {
    local tool

    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "$tool is needed"
    done
    suricata -V | grep -q 'version 7\.' || die "this is not Suricata 7: $(suricata -V)"
}

# Suricata's own defaults, all events, and no rules; on a link, room for some seconds of packets.
write_configuration() {
    cat >"$out/suricata.yaml" <<'END'
%YAML 1.1
---
rule-files: []
pcap-file: { checksum-checks: yes }
stream: { checksum-validation: yes }
af-packet:
  - { interface: default, threads: 1, cluster-id: 99, cluster-type: cluster_flow, tpacket-v3: yes, ring-size: 65536 }
outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types:
        - anomaly: { enabled: yes, types: { decode: yes, stream: yes, applayer: yes } }
        - flow
        - stats: { totals: yes }
stats: { enabled: yes, interval: 86400 }
END
}

# watch CAPTURE EVE: what Suricata writes of it, added to the file EVE
watch() {
    rm -rf "$out/watch"
    mkdir "$out/watch"
    suricata -c "$out/suricata.yaml" -S /dev/null --runmode single -k all -r "$1" -l "$out/watch" \
        >"$out/watch/log" 2>&1 || { echo "Suricata cannot read $1" >&2; return 0; }
    cat "$out/watch/eve.json" >>"$2"
}

# count EVE: packets, decoder events, stream events
count() {
    jq -rn 'reduce inputs as $e ([0, 0, 0];
        if $e.event_type == "stats" then .[0] += $e.stats.decoder.pkts
        elif $e.event_type != "anomaly" then .
        elif $e.anomaly.type == "decode" then .[1] += 1
        elif $e.anomaly.type == "stream" then .[2] += 1
        else . end) | @tsv' "$1"
}

per_thousand() {
    awk -v events="$1" -v packets="$2" 'BEGIN { printf "%.3f", (packets ? 1000 * events / packets : 0) }'
}

is_more() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'
}

# events EVE: what they were
events() {
    jq -r 'select(.event_type == "anomaly" and .anomaly.type != "applayer") | .anomaly.event' "$1" |
        sort | uniq -c | sort -rn | head -n 5
}

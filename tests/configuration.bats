#!/usr/bin/env bats
# The configuration of dayshiftd: what is refused, and how, and the examples. What it comes to is in test_configuration.c.
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a subshell; bats sets stderr_lines

setup_file()
{
    load helpers
    make_sample
}

setup()
{
    load helpers
    enter_scratch
    model=$BATS_FILE_TMPDIR/sample.dsm
    players="populations = ( { model = \"$model\"; } );"
}

# ---- what is refused ----

@test "dayshiftd -n: a good configuration" {
    configure a.conf "$players"
    run -0 --separate-stderr dayshiftd -n -c a.conf
    [ "$output" = "a.conf: good" ]
    [ -z "$stderr" ]
    configure a.conf "populations = ( { model = \"$model\"; network = \"10.1.0.0/24\"; hosts = 200; }," \
        "{ model = \"$model\"; network = \"10.2.0.0/24\"; } );" 'interface = "eth7"; user = "nobody";' \
        'allow_default_route = false; seed = 0x7fffffffffffffffL; speed = 2;' \
        'start = "now"; duration = "forever"; unobserved = "silent"; outside = "10.3.0.0/16";'
    run -0 dayshiftd -n -c a.conf
    configure a.conf "$players" 'duration = "forever"; speed = 0.001; start = "2026-03-02"; stop_seconds = 0;' \
        'timing = "frugal"; late = "drop"; max_late_us = 60000000; control = ""; control_group = "root";'
    run -0 dayshiftd -n -c a.conf
    configure a.conf "$players" 'start = "23:59:59"; sink = "null"; max_packets_per_second = 20; priority = 99;' \
        'max_bits_per_second = 1e10; links = ( { interface = "eth7"; sink = "libnet";' \
        'max_packets_per_second = 0; max_bits_per_second = 0; } ); cpu = 1023;'
    run -0 dayshiftd -n -c a.conf
}

@test "dayshiftd: a relative model is looked for beside the configuration" {
    mkdir etc
    cp "$model" etc/office.dsm
    configure etc/a.conf 'populations = ( { model = "office.dsm"; } );'
    run -0 dayshiftd -n -c etc/a.conf
    configure etc/a.conf 'populations = ( { model = "../etc/office.dsm"; } );'
    run -0 dayshiftd -n -c "$PWD/etc/a.conf"
    configure a.conf 'populations = ( { model = "office.dsm"; } );'
    refuses 1 "a.conf:1: model: office.dsm: cannot open" dayshiftd -n -c a.conf
}

@test "dayshiftd: a bad value of every key is named with its line" {
    refuses_line 2 'interface: 7 is not a text' "$players" 'interface = 7;'
    refuses_line 2 'interface: "" is not a text' "$players" 'interface = "";'
    refuses_line 2 'user: true is not the name of a user' "$players" 'user = true;'
    refuses_line 2 'user: "root" is not a user without the rights of root' "$players" 'user = "root";'
    refuses_line 2 'allow_default_route: "yes" is not true or false' "$players" 'allow_default_route = "yes";'
    refuses_line 2 'allow_default_route: 1 is not true or false' "$players" 'allow_default_route = 1;'
    refuses_line 2 'seed: -1 is not a whole number from 0 to' "$players" 'seed = -1;'
    refuses_line 2 'seed: 1.5 is not a whole number' "$players" 'seed = 1.5;'
    refuses_line 2 'seed: "x" is not a whole number' "$players" 'seed = "x";'
    refuses_line 2 'seed: [...] is not a whole number' "$players" 'seed = [ 1, 2 ];'
    refuses_line 2 'speed: 0 is not a number from 0.001' "$players" 'speed = 0;'
    refuses_line 2 'speed: 1e+09 is not a number from 0.001' "$players" 'speed = 1e9;'
    refuses_line 2 'speed: "fast" is not a number' "$players" 'speed = "fast";'
    refuses_line 2 'speed: {...} is not a number' "$players" 'speed = { x = 1; };'
    for start in '"25:00"' '"2026-02-30"' '"2026-02-30 09:00"' '"2026-03-02 25:00"' '"2026-03-02 now"' '" 09:00"' \
        '"2026-03-02  "' '"09:00 2026-03-02"' '""' 9 20260302; do
        refuses_line 2 "start: $start is not \"now\", a time such as" "$players" "start = $start;"
    done
    refuses_line 2 'duration: 60 is not "forever" or a duration' "$players" 'duration = 60;'
    refuses_line 2 'duration: "0s" is not "forever" or a duration' "$players" 'duration = "0s";'
    for lead in '"31d"' '"-1s"' '"0s"' '"long"' 60 true; do
        refuses_line 2 "lead_in: $lead is not \"0\" or a duration of at most 30 days" "$players" "lead_in = $lead;"
    done
    refuses_line 2 'unobserved: "loud" is not one of: spread, silent, interpolate' "$players" 'unobserved = "loud";'
    refuses_line 2 'unobserved: false is not one of: spread, silent, interpolate' "$players" 'unobserved = false;'
    refuses_line 2 'timezone: 1 is not the name of a time zone' "$players" 'timezone = 1;'
    refuses_line 2 "timezone: 'Madrid' is not a time zone" "$players" 'timezone = "Madrid";'
    refuses_line 2 'threads: 0 is not a whole number from 1 to 64' "$players" 'threads = 0;'
    refuses_line 2 'outside: "10.0.0.1/8" is not a network of IPv4' "$players" 'outside = "10.0.0.1/8";'
    refuses_line 2 'outside: 10 is not a network of IPv4' "$players" 'outside = 10;'
    refuses_line 2 'outside: "fd00::/64" is not a network of IPv4' "$players" 'outside = "fd00::/64";'
    refuses_line 2 'outside6: "10.0.0.0/8" is not a network of IPv6' "$players" 'outside6 = "10.0.0.0/8";'
    refuses_line 2 'outside_mac: "01:00:5e:00:00:01" is not a MAC address of one host' "$players" 'outside_mac = "01:00:5e:00:00:01";'
    refuses_line 2 'outside_gateway: "router" is not a MAC address or an IP address' "$players" 'outside_gateway = "router";'
    refuses_line 2 'outside_gateway: 1 is not a MAC address or an IP address' "$players" 'outside_gateway = 1;'
    refuses_line 2 'outside_vlan: 0 is not a whole number from 1 to 4094' "$players" 'outside_vlan = 0;'
    refuses_line 2 'stop_seconds: 301 is not a whole number from 0 to 300' "$players" 'stop_seconds = 301;'
    refuses_line 2 'probe: 1 is not true or false' "$players" 'probe = 1;'
    refuses_line 2 'announce: "no" is not true or false' "$players" 'announce = "no";'
    refuses_line 2 'probe_seconds: 0 is not a number from 0.1 to 60' "$players" 'probe_seconds = 0;'
    refuses_line 2 'probe_seconds: 61.5 is not a number from 0.1 to 60' "$players" 'probe_seconds = 61.5;'
    refuses_line 2 'timing: "fast" is not one of: exact, balanced, frugal' "$players" 'timing = "fast";'
    refuses_line 2 'timing: 1 is not one of: exact' "$players" 'timing = 1;'
    refuses_line 2 'late: "never" is not one of: send, drop' "$players" 'late = "never";'
    refuses_line 2 'max_late_us: 0 is not a whole number from 1 to 60000000' "$players" 'max_late_us = 0;'
    refuses_line 2 'max_late_us: 1.5 is not a whole number' "$players" 'max_late_us = 1.5;'
    refuses_line 2 'control: "control.sock" is not "" or a path from /' "$players" 'control = "control.sock";'
    refuses_line 2 'control: true is not "" or a path from /' "$players" 'control = true;'
    refuses_line 2 'control: "/000' "$players" "control = \"/$(printf '%0107d' 0)\";"
    refuses_line 2 'control_group: "no such" is not a group of this machine' "$players" 'control_group = "no such";'
    refuses_line 2 'control_group: 0 is not a group' "$players" 'control_group = 0;'
}

@test "dayshiftd: that its user exists matters to root alone" {
    local -a as_another=()

    configure a.conf "$players" 'user = "no such";'
    if [ "$(id -u)" -eq 0 ]; then
        refuses_line 2 'user: "no such" is not a user of this machine' "$players" 'user = "no such";'
        as_another=(setpriv --reuid=65534 --inh-caps=+dac_override --ambient-caps=+dac_override)
    fi
    run -0 "${as_another[@]}" "$DAYSHIFTD" -n -c a.conf
    configure a.conf "$players" 'user = "no such";' 'duration = "1s";'
    run -0 "${as_another[@]}" "$DAYSHIFTD" -q -w out.pcap -c a.conf
    configure a.conf "$players" 'user = "root";'
    refuses 1 'a.conf:2: user: "root" is not a user without the rights of root' "${as_another[@]}" "$DAYSHIFTD" -n -c a.conf
}

@test "dayshiftd: bad populations are named with their line" {
    local m="model = \"$model\";"

    refuses_configuration "a.conf: populations are missing" 'seed = 1;'
    refuses_line 1 'populations: () is not a list of 1 to 64' 'populations = ();'
    refuses_line 1 'populations: "x" is not a list of 1 to 64' 'populations = "x";'
    refuses_line 1 'populations: {...} is not a list of 1 to 64' "populations = { $m };"
    refuses_line 2 'populations: 3 is not { model = ' 'populations = (' '3 );'
    refuses_line 1 'populations: one has no model' 'populations = ( { hosts = 3; } );'
    refuses_line 2 'model: 3 is not a text' 'populations = ( {' 'model = 3; } );'
    refuses_line 2 'model: "" is not a text' 'populations = ( {' 'model = ""; } );'
    refuses_line 2 'network: "198.18.0.1/16" is not a network' "populations = ( { $m" 'network = "198.18.0.1/16"; } );'
    refuses_line 2 'network: 3 is not a network' "populations = ( { $m" 'network = 3; } );'
    refuses_line 2 'network: "fd00::/64" is not a network of IPv4' "populations = ( { $m" 'network = "fd00::/64"; } );'
    refuses_line 2 'network6: "10.0.0.0/8" is not a network of IPv6' "populations = ( { $m" 'network6 = "10.0.0.0/8"; } );'
    refuses_line 2 'network6: "fd00::1/64" is not a network of IPv6' "populations = ( { $m" 'network6 = "fd00::1/64"; } );'
    refuses_line 2 'network6: "::/0" is not a network of IPv6' "populations = ( { $m" 'network6 = "::/0"; } );'
    refuses_line 2 'first: "fd00::1" is not an address of IPv4' "populations = ( { $m" 'first = "fd00::1"; } );'
    refuses_line 2 'first: "224.0.0.1" is not an address of IPv4' "populations = ( { $m" 'first = "224.0.0.1"; } );'
    refuses_line 2 'first6: "10.0.0.1" is not an address of IPv6' "populations = ( { $m" 'first6 = "10.0.0.1"; } );'
    refuses_line 2 'first6: the population has no network6' "populations = ( { $m" 'first6 = "fd00::1"; } );'
    refuses_line 2 'first: the population has no network' "populations = ( { $m network6 = \"fd00::/64\";" 'first = "10.0.0.1"; } );'
    for mac in '"00:00:00:00:00:00"' '"ff:ff:ff:ff:ff:ff"' '"02:00:00:00:00"' '"02:00:00:00:00:0"' '"02:00:00:00:00:01:02"' \
        '"02-00-00-00-00-01"' '"02:00:00:00:00:0g"' '"+2:00:00:00:00:01"' '" 2:00:00:00:00:01"' 2; do
        refuses_line 2 "mac: $mac is not a MAC address of one host" "populations = ( { $m" "mac = $mac; } );"
    done
    refuses_line 2 'gateway: "ff02::1" is not a MAC address or an IP address' "populations = ( { $m" 'gateway = "ff02::1"; } );'
    refuses_line 2 'ipv6: 1.5 is not a number from 0 to 1' "populations = ( { $m" 'ipv6 = 1.5; } );'
    refuses_line 2 'os: "beos" is not one of: learned, linux, windows, macos, router' "populations = ( { $m" 'os = "beos"; } );'
    refuses_line 2 'os: 7 is not one of' "populations = ( { $m" 'os = 7; } );'
    refuses_line 2 'hosts: 0 is not a whole number from 1 to 1000000' "populations = ( { $m" 'hosts = 0; } );'
    refuses_line 2 'hosts: 2000000 is not' "populations = ( { $m" 'hosts = 2000000; } );'
    refuses_line 2 'hosts: "many" is not' "populations = ( { $m" 'hosts = "many"; } );'
    refuses_line 2 'pick: 3 is not a text' "populations = ( { $m" 'pick = 3; } );'
    refuses_line 2 'activity: 0 is not a number from 0.001 to 1000' "populations = ( { $m" 'activity = 0; } );'
    refuses_line 2 "pick \"3,x\": 'x' is neither" 'populations = (' "{ $m pick = \"3,x\"; } );"
    refuses_line 2 'pick "12": there is no host 12: the model has 12, from 0 on' 'populations = (' "{ $m pick = \"12\"; } );"
    refuses_line 1 "pick \"crowd:9\": 'crowd:9': the model has no such crowd" "populations = ( { $m pick = \"crowd:9\"; } );"
    refuses_line 1 "unknown key 'colour'" 'colour = "red";' "$players"
    refuses_line 2 "unknown key 'colour'" "populations = ( { $m" 'colour = "red"; } );'
}

@test "dayshiftd: models that cannot be are named with their line" {
    : > empty
    echo words > words
    mkfifo pipe
    cp "$model" cut.dsm
    truncate -s 20000 cut.dsm
    python3 - <<'END'
import sqlite3
connection = sqlite3.connect("other.dsm")
connection.execute("CREATE TABLE host (number)")
connection.commit()
END
    refuses_line 2 'model: missing.dsm: cannot open: No such file' 'populations = ( {' 'model = "missing.dsm"; } );'
    refuses_line 2 'model: empty: not a model file: it is empty' 'populations = ( {' 'model = "empty"; } );'
    refuses_line 2 'model: pipe: not a model file: not a regular file' 'populations = ( {' 'model = "pipe"; } );'
    refuses_line 2 'model: words: not a usable model file: it is something else' 'populations = ( {' 'model = "words"; } );'
    refuses_line 2 'model: other.dsm: not a model file: application id 0' 'populations = ( {' 'model = "other.dsm"; } );'
    refuses_line 3 'model: cut.dsm: damaged' "populations = ( { model = \"$model\"; }, {" \
        'network = "10.0.0.0/24";' 'model = "cut.dsm"; } );'
}

@test "dayshiftd: networks that cannot be are named with the population that is to blame, or the outside" {
    local m="model = \"$model\";"

    refuses_line 2 'networks 10.0.0.0/24 and 10.0.0.0/16 overlap' \
        "populations = ( { $m network = \"10.0.0.0/24\"; }," "{ $m network = \"10.0.0.0/16\"; } );"
    refuses_line 3 'networks 10.0.1.0/24 and 10.0.0.0/16 overlap' "populations = ( { $m network = \"10.1.0.0/24\"; }," \
        "{ $m network = \"10.0.1.0/24\"; }," "{ $m network = \"10.0.0.0/16\"; }," "{ $m network = \"10.0.2.0/24\"; } );"
    refuses_line 2 'networks 198.18.0.0/16 and 198.18.0.0/16 overlap' "populations = ( { $m }," "{ $m } );"
    refuses_line 2 'networks 198.18.0.0/16 and 198.18.128.0/17 overlap' 'outside = "198.18.128.0/17";' "$players"
    refuses_line 1 'network 10.0.0.0/29: 12 hosts wanted, it has room for 6' "populations = ( { $m network = \"10.0.0.0/29\"; } );"
    refuses_line 1 'network 198.18.0.0/16: 70000 hosts wanted, it has room for 65534' "populations = ( { $m hosts = 70000; } );"
    refuses_line 2 'networks fd00::/64 and fd00::/48 overlap' "populations = ( { $m network6 = \"fd00::/64\"; }," \
        "{ $m network6 = \"fd00::/48\"; } );"
    refuses_line 1 'networks fd00::/64 and fd00::/8 overlap' "populations = ( { $m network6 = \"fd00::/64\"; } );" 'outside6 = "fd00::/8";'
    refuses_line 1 'network fd00::/125: 12 hosts wanted, it has room for 7' "populations = ( { $m network6 = \"fd00::/125\"; } );"
    refuses_line 1 'network fd00::/64: fd00:0:0:1::1, the address of the first host, is not in it' \
        "populations = ( { $m network6 = \"fd00::/64\"; first6 = \"fd00:0:0:1::1\"; } );"
    refuses_line 1 'network fd00::/64: 12 hosts wanted, it has room for 8 from fd00::ffff:ffff:ffff:fff8 on' \
        "populations = ( { $m network6 = \"fd00::/64\"; first6 = \"fd00::ffff:ffff:ffff:fff8\"; } );"
    refuses_line 1 'network 10.0.0.0/24: 12 hosts wanted, it has room for 5 from 10.0.0.250 on' \
        "populations = ( { $m network = \"10.0.0.0/24\"; first = \"10.0.0.250\"; } );"
    refuses_line 1 'network 10.0.0.0/24: no host can have its first address' \
        "populations = ( { $m network = \"10.0.0.0/24\"; first = \"10.0.0.0\"; } );"
    for reserved in ::/16 ff02::/64 ::ffff:0:0/100; do
        configure a.conf "populations = ( { $m network6 = \"$reserved\"; } );"
        run -1 dayshiftd -n -c a.conf
    done
    refuses_line 2 'outside: network 224.0.0.0/8: no host can have its addresses' "$players" 'outside = "224.0.0.0/8";'
    refuses_line 3 'outside6: network ff00::/16: no host can have its addresses' "$players" 'outside = "198.19.0.0/16";' \
        'outside6 = "ff00::/16";'
    refuses_line 2 'outside: network 10.0.0.0: 1 hosts wanted, it has room for 0' "$players" 'outside = "10.0.0.0/32";'
}

@test "dayshiftd: MACs and gateways that cannot be are named with the population that is to blame, or the outside" {
    local m="model = \"$model\"; hosts = 12;"

    refuses_line 2 'MAC addresses from 02:00:00:00:00:01 on and from 02:00:00:00:00:0c on overlap' \
        "populations = ( { $m mac = \"02:00:00:00:00:01\"; }," "{ $m network6 = \"fd00::/64\"; mac = \"02:00:00:00:00:0c\"; } );"
    configure a.conf "populations = ( { $m mac = \"02:00:00:00:00:01\"; }," \
        "{ $m network6 = \"fd00::/64\"; mac = \"02:00:00:00:00:0d\"; } );"
    run -0 dayshiftd -n -c a.conf
    refuses_line 1 'MAC addresses from 02:d5:00:00:00:00 on and from 02:d5:00:00:00:01 on overlap' \
        "populations = ( { $m mac = \"02:d5:00:00:00:00\"; } );"
    refuses_line 1 'MAC addresses from fe:ff:ff:ff:ff:fa on: 12 hosts wanted, and one would have that of a' \
        "populations = ( { $m mac = \"fe:ff:ff:ff:ff:fa\"; } );"
    refuses_line 1 'gateway 198.18.0.3: it is the address of a virtual host, too: let them begin elsewhere (first)' "populations = ( { $m gateway = \"198.18.0.3\"; } );"
    refuses_line 1 'gateway 10.0.0.1: it is not in network 198.18.0.0/16' "populations = ( { $m gateway = \"10.0.0.1\"; } );"
    refuses_line 1 'gateway fd00::1: the population has no address of IPv6' "populations = ( { $m gateway = \"fd00::1\"; } );"
    refuses_line 2 'outside_gateway: gateway 198.18.0.12: it is the address of a virtual host, too' "populations = ( { $m } );" \
        'outside_gateway = "198.18.0.12";'
    refuses_line 2 'outside_gateway: gateway 198.20.0.1: it is not in network 198.19.0.0/16' "populations = ( { $m } );" \
        'outside_gateway = "198.20.0.1";'
    configure a.conf "populations = ( { $m gateway = \"198.18.0.13\"; network = \"198.18.0.0/24\"; }," \
        "{ $m network6 = \"fd00::/64\"; gateway = \"fe80::1\"; } );" 'outside_gateway = "198.19.0.1";'
    run -0 dayshiftd -n -c a.conf
}

@test "dayshiftd: numbers that libconfig would read as others" {
    refuses_line 2 'seed: 2147483648 is above 2147483647 and must be followed by an L: 2147483648L' "$players" 'seed = 2147483648;'
    refuses_line 2 'seed: 5000000000 is above' "$players" 'seed = 5000000000;' # it would be 705032704
    refuses_line 2 'seed: 0xffffffff is above' "$players" 'seed = 0xffffffff;'
    refuses_line 2 'seed: 99999999999999999999 is above 9223372036854775807' "$players" 'seed = 99999999999999999999L;'
    refuses_line 2 'seed: 0x8000000000000000 is above 9223372036854775807' "$players" 'seed = 0x8000000000000000L;'
    refuses_line 2 'seed: -2147483648 is not a whole number from 0' "$players" 'seed = -2147483648;'
    refuses_line 2 'seed: -2147483649 is below -2147483648 and must be followed by an L: -2147483649L' "$players" 'seed = -2147483649;'
    refuses_line 2 'seed: +2147483648 is above 2147483647 and must be followed by an L: +2147483648L' "$players" 'seed = +2147483648;'
    refuses_line 2 'seed: -9223372036854775808 is not a whole number from 0' "$players" 'seed = -9223372036854775808L;'
    refuses_line 2 'seed: -9223372036854775809 is below -9223372036854775808' "$players" 'seed = -9223372036854775809L;'
    refuses_line 2 'seed: 3000000000 is above 2147483647' "$players" 'seed = (5000000000L, -5000000000LL, 0x7fffffffffffffffLL, 3000000000);'
    refuses_line 3 'max_bits_per_second: 10000000000 is above' "$players" '/* " */ seed = 1; // "' 'max_bits_per_second = 10000000000;'
    refuses_line 3 'max_packets_per_second: 3000000000 is above' "$players" 'timezone = "UTC";' \
        'links = ( { name = "\""; interface = "a"; max_packets_per_second = 3000000000; } );'
    configure more.conf '# first' 'max_bits_per_second = 10000000000;'
    configure a.conf "$players" '@include "more.conf"'
    refuses 1 "dayshiftd: more.conf:2: max_bits_per_second: 10000000000 is above" dayshiftd -n -c a.conf
    configure a.conf "$players" '# 5000000000' '// 5000000000' '/* 5000000000' '*/ max_bits_per_second = 5000000000.0;' \
        'links = ( { name = "a5000000000"; interface = "5000000000"; } );' 'seed = 5000000000L;' \
        'max_packets_per_second = 50000000000e-3;'
    run -0 dayshiftd -n -c a.conf
}

@test "dayshiftd: a log of flows that cannot be is named with its line" {
    refuses_line 2 "truth: $model: would overwrite $model" "$players" "truth = \"$model\";"
    configure a.conf "$players" 'duration = "1s";' 'truth = "missing/flows.csv";'
    refuses 1 "dayshiftd: a.conf:3: truth: missing/flows.csv: cannot create" dayshiftd -q -w out.pcap -c a.conf
}

@test "dayshiftd: a file that is no configuration" {
    refuses 1 "missing: cannot open: No such file" dayshiftd -n -c missing
    refuses 1 ".: cannot read: Is a directory" dayshiftd -n -c .
    refuses 1 "sample.dsm:1: syntax error" dayshiftd -n -c "$model"
    : > a.conf
    refuses 1 "a.conf: populations are missing" dayshiftd -n -c a.conf
    refuses_line 2 'syntax error: seed = = 3;' "$players" 'seed = = 3;'
    refuses_line 3 'syntax error at the end of the file: a quote or a bracket may be open' 'populations = (' '{ model = "x";'
    refuses_line 3 'syntax error at the end of the file' "$players" 'start = "now;'
    refuses_line 2 'duplicate setting name: seed = 2;' "$players seed = 1;" 'seed = 2;'
    refuses_line 2 'cannot open include file: @include "missing.conf"' "$players" '@include "missing.conf"'
    truncate -s 17M big.conf
    refuses 1 "big.conf: no configuration: more than 16777216 bytes" dayshiftd -n -c big.conf
}

@test "dayshiftd: an included file is named" {
    configure more.conf '' 'seed = -7;'
    refuses_configuration "more.conf:2: seed: -7 is not" "$players" '@include "more.conf"'
    configure more.conf '' 'seed = = 7;'
    refuses 1 "more.conf:2: syntax error" dayshiftd -n -c a.conf
    configure more.conf 'seed = 7;'
    run -0 dayshiftd -n -c a.conf
    rm more.conf
    mkdir more.conf
    run -2 dayshiftd -n -c a.conf # libconfig's scanner ends the process
    [ "$output" = "input in flex scanner failed" ]
}

# ---- links ----

@test "dayshiftd: a bad value of every key of a link is named with its line, in a link and for all" {
    local setting wanted

    while IFS='|' read -r setting wanted; do
        refuses_line 2 "$wanted" "$players" "$setting"
        refuses_line 3 "$wanted" "$players" 'links = ( { interface = "a";' "$setting } );"
    done <<'END'
sink = "pcap";|sink: "pcap" is no sink: packet, xdp, libnet or null
sink = 1;|sink: 1 is not the name of a sink
max_packets_per_second = 19;|max_packets_per_second: 19 is not 0 (no ceiling) or a number from 20 to 1000000000
max_packets_per_second = -1;|max_packets_per_second: -1 is not 0
max_packets_per_second = "1000";|max_packets_per_second: "1000" is not 0
max_bits_per_second = 1e5;|max_bits_per_second: 100000 is not 0 (no ceiling) or a number from 200000 to 1000000000000
max_bits_per_second = [ 1 ];|max_bits_per_second: [...] is not 0
END
    refuses_line 2 'cpu: -1 is not a whole number from 0 to 1023' "$players" 'cpu = -1;'
    refuses_line 2 'cpu: 1024 is not a whole number from 0 to 1023' "$players" 'cpu = 1024;'
    refuses_line 2 'priority: 100 is not a whole number from 0 to 99' "$players" 'priority = 100;'
    refuses_line 2 'priority: "high" is not a whole number' "$players" 'priority = "high";'
    refuses_line 3 "unknown key 'cpu'" "$players" 'links = ( { interface = "a";' 'cpu = 1; } );'
    refuses_line 3 "unknown key 'priority'" "$players" 'links = ( { interface = "a";' 'priority = 1; } );'
}

@test "dayshiftd: bad links are named with their line" {
    refuses_line 2 'links: () is not a list of 1 to 8 links' "$players" 'links = ();'
    refuses_line 2 'links: [...] is not a list of 1 to 8 links' "$players" 'links = [ "a", "b" ];'
    refuses_line 2 'links: (...) is not a list of 1 to 8 links' "$players" 'links = ( 1, 2, 3, 4, 5, 6, 7, 8, 9 );'
    refuses_line 3 'links: "a" is not { name = ' "$players" 'links = (' '"a" );'
    refuses_line 3 'links: one has no interface' "$players" 'links = (' '{ name = "in"; } );'
    refuses_line 3 'interface: "" is not a text' "$players" 'links = ( {' 'interface = ""; } );'
    refuses_line 3 'name: "in side" is not a name of 1 to 31 letters' "$players" 'links = ( { interface = "a";' \
        'name = "in side"; } );'
    refuses_line 3 'name: 1 is not a name' "$players" 'links = ( { interface = "a";' 'name = 1; } );'
    refuses_line 3 "unknown key 'user'" "$players" 'links = ( { interface = "a";' 'user = "nobody"; } );'
    refuses_line 3 'links: two of them have the interface "a"' "$players" \
        'links = ( { name = "in"; interface = "a"; },' '{ name = "out"; interface = "a"; } );'
    refuses_line 3 'links: two of them have the name "a"' "$players" \
        'links = ( { interface = "a"; },' '{ name = "a"; interface = "b"; } );'
    refuses_line 2 'links: there is an interface already' "$players" 'links = ( { interface = "a"; } );' \
        'interface = "b";'
}

@test "dayshiftd: links are found by name, wherever they stand" {
    local m="model = \"$model\"; network = \"10.0.0.0/24\";"
    local links='links = ( { name = "in"; interface = "a"; }, { interface = "b"; } );'

    refuses_line 2 'link: "out" is not a link, one of: in, b' "populations = ( { $m" 'link = "out"; } );' "$links"
    refuses_line 2 'link: "a" is not a link, one of: in, b' "populations = ( { $m" 'link = "a"; } );' "$links"
    refuses_line 2 'link: 1 is not a link, one of: in, b' "populations = ( { $m" 'link = 1; } );' "$links"
    refuses_line 2 'link: "a" is not the name of a link, and there is none' "populations = ( { $m" 'link = "a"; } );'
    refuses_line 2 'vlan: 4095 is not a whole number from 1 to 4094' "populations = ( { $m" 'vlan = 4095; } );'
    refuses_line 2 'outside_link: "x" is not a link, one of: in, b' "$players" 'outside_link = "x";' "$links"
    configure a.conf "populations = ( { $m link = \"b\"; vlan = 4094; } ); outside_link = \"in\";" "$links"
    run -0 dayshiftd -n -c a.conf
    configure a.conf "populations = ( { $m link = \"a\"; } ); outside_link = \"a\";" 'interface = "a";'
    run -0 dayshiftd -n -c a.conf
}

# ---- examples ----

# example NAME: a copy of it, beside the model that it names
example()
{
    cp "$SOURCE/conf/$1" "$1"
    cp "$model" office.dsm
    cp "$BATS_FILE_TMPDIR/sample.pcap" scan.pcap
    sed -i 's|10\.1\.0\.0/24|10.183.213.0/24|' "$1" # where the hosts of the sample are
}

@test "every example is good as it is" {
    local name

    for name in dayshift tap firewall vlans; do
        example "$name.conf"
        run -0 dayshiftd -n -c "$name.conf"
        [ "$output" = "$name.conf: good" ]
    done
    [ "$(find "$SOURCE/conf" -name '*.conf' | wc -l)" -eq 4 ]
}

@test "the configuration for a lab in README is good" {
    sed -n '/^3\. Write lab\.conf/,/^4\. /s/^       //p' "$SOURCE/README" > lab.conf
    cp "$model" office.dsm
    cp "$BATS_FILE_TMPDIR/sample.pcap" attack.pcap
    sed -i 's|10\.1\.0\.0/27|10.183.213.64/27|' lab.conf # where a host of the sample is
    run -0 --separate-stderr dayshiftd -n -c lab.conf
    [[ ${lines[0]} == 'attack.pcap: "scan" every day at 10:15:00, for '* ]]
    [ "${lines[1]}" = "lab.conf: good" ]
    [[ $stderr == 'dayshiftd: attack.pcap: '*' frames cannot be played: '* ]]
}

# spell_out FILE: all that dayshift.conf has as a comment, with its examples of links, for its one interface, and overlays
spell_out()
{
    sed -e '/^interface = /d' -e '/^#\(links\|overlays\) = (/,/^#);/s/^#//' -e 's/^\( *\)#\([a-z0-9_]* = .*;\)$/\1\2/' "$1"
}

@test "the example of all keys is good with every line that is a comment in it" {
    example dayshift.conf
    spell_out dayshift.conf > all.conf
    grep -q '^    { name = "outside"; interface = "eth2"; }$' all.conf
    run grep -cE '^ *#[^ ]' all.conf
    [ "$output" = 0 ]
    sed -i 's/^control_group = .*/control_group = "root";/' all.conf
    run -0 --separate-stderr dayshiftd -n -c all.conf
    [[ ${lines[0]} == 'scan.pcap: "scan" every day at 10:15:30.250, for '* ]]
    [[ ${lines[1]} == 'scan.pcap: 90 s after the begin, for '* ]]
}

@test "defaults of the example are the defaults" {
    local key

    example dayshift.conf
    spell_out dayshift.conf | sed '/^\(links\|overlays\) = (/,/^);/d; /^start = /d; /^duration = /d' > all.conf
    sed -n '/ Example:$/{n; s/^ *#\([a-z0-9_]*\) = .*/\1/p}' dayshift.conf > keys
    while read -r key; do
        sed -i "/^ *$key = /d" all.conf
    done < keys
    [ "$(grep -c ' = ' all.conf)" -ge 20 ]
    sed -i "1i start = \"$SAMPLE_DATE $SAMPLE_START\"; duration = \"2m\";" all.conf dayshift.conf
    dayshiftd -q -j -w all.pcap -c all.conf
    dayshiftd -q -j -w as_it_is.pcap -c dayshift.conf
    cmp all.pcap as_it_is.pcap
}

# keys_of_manual SECTION: those of dayshift.conf(5)
keys_of_manual()
{
    sed -n "/^\.Ss $1\$/,/^\.El/s/^\.It Ic \(.*\) No = .*/\1/p" "$SOURCE/docs/dayshift.conf.5" | tr -d ' ' | tr , '\n' | sort
}

# keys_of_parser FILE FUNCTION: those that it takes
keys_of_parser()
{
    sed -n "/^static int $2(/,/{ NULL, NULL }/p" "$SOURCE/src/daemon/$1.c" | grep -oE '\{ "[a-z0-9_]+", [a-z0-9_]+ \}' |
        sed 's/^{ "\(.*\)".*/\1/' | sort
}

@test "the manual has every key of every group that there is, and no other" {
    local file function section

    while read -r file function section; do
        keys_of_manual "$section" > manual
        keys_of_parser "$file" "$function" > parser
        diff manual parser || complain "$section"
        cat parser >> all
    done <<'END'
configuration take_root Keys
configuration_link take_link Keys of a link
configuration_population take_population Keys of a population
configuration_overlay take_overlay Keys of an overlay
configuration_overlay take_mapping Keys of a mapping
END
    [ "$(wc -l < all)" -eq "$(cat "$SOURCE"/src/daemon/configuration*.c | grep -oE '\{ "[a-z0-9_]+", [a-z0-9_]+ \}' | wc -l)" ]
}

@test "the example and the manual have the same keys" {
    example dayshift.conf
    keys_of_manual '.*' | sort -u > manual
    spell_out dayshift.conf | sed -E 's/[;{]/\n/g' | sed -nE 's/^ *([a-z0-9_]+) = .*/\1/p' | cat - <(echo interface) | sort -u > example
    diff manual example
}

@test "the examples of a firewall and of VLANs send where they say" {
    need tcpdump
    example vlans.conf
    sed -i "s/^start = .*/start = \"$SAMPLE_DATE $SAMPLE_START\";/; s/^duration = .*/duration = \"2m\";/; /^timezone/d" vlans.conf
    dayshiftd -q -j -w vlans.pcap -c vlans.conf > table
    [ "$(json_value table 'd["refused"]')" = 0 ]
    [ "$(tcpdump -nr vlans.pcap 'vlan 10 and net 198.18.10.0/24' 2> /dev/null | wc -l)" -gt 0 ]
    [ "$(tcpdump -nr vlans.pcap 'vlan 10 and not net 198.18.10.0/24' 2> /dev/null | wc -l)" -eq 0 ]
    [ "$(tcpdump -nr vlans.pcap 'vlan 20 and net 198.18.20.0/24' 2> /dev/null | wc -l)" -gt 0 ]
    [ "$(tcpdump -nr vlans.pcap 'vlan 20 and not net 198.18.20.0/24' 2> /dev/null | wc -l)" -eq 0 ]
    [ "$(tcpdump -nr vlans.pcap 'ip and net 198.18.30.0/24' 2> /dev/null | wc -l)" -gt 0 ]
    [ "$(tcpdump -nr vlans.pcap 'ip and not net 198.18.30.0/24' 2> /dev/null | wc -l)" -eq 0 ]
}

#!/usr/bin/env bats
# Links, VLANs and examples of the configuration of dayshiftd. What other keys refuse is in programs.bats.
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
cpu = -1;|cpu: -1 is not a whole number from 0 to 1023
cpu = 1024;|cpu: 1024 is not a whole number from 0 to 1023
priority = 100;|priority: 100 is not a whole number from 0 to 99
priority = "high";|priority: "high" is not a whole number
END
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

# spell_out FILE: all that dayshift.conf has as a comment, with its example of links for its one interface
spell_out()
{
    sed -e '/^interface = /d' -e '/^#links = (/,/^#);/s/^#//' -e 's/^\( *\)#\([a-z_]* = .*;\)$/\1\2/' "$1"
}

@test "the example of all keys is good with every line that is a comment in it" {
    example dayshift.conf
    spell_out dayshift.conf > all.conf
    grep -q '^    { name = "outside"; interface = "eth2"; }$' all.conf
    run grep -cE '^ *#[^ ]' all.conf
    [ "$output" = 0 ]
    sed -i 's/^control_group = .*/control_group = "root";/' all.conf
    run -0 dayshiftd -n -c all.conf
}

@test "defaults of the example are the defaults" {
    local key

    example dayshift.conf
    spell_out dayshift.conf | sed '/^links = (/,/^);/d; /^start = /d; /^duration = /d' > all.conf
    sed -n '/ Example:$/{n; s/^ *#\([a-z_]*\) = .*/\1/p}' dayshift.conf > keys
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

@test "the example and the manual have the same keys" {
    example dayshift.conf
    keys_of_manual '.*' | sort -u > manual
    spell_out dayshift.conf | sed -E 's/[;{]/\n/g' | sed -nE 's/^ *([a-z_]+) = .*/\1/p' | cat - <(echo interface) | sort -u > example
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

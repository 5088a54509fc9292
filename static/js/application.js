// Every behaviour is a custom element in a file of its own, named for what it does.
// They wake up by themselves, after every swap too, and every page works without them.
import "./connection_status.js";
import "./copy_button.js";
import "./count_down.js";
import "./form_case.js";
import "./key_list.js";
import "./local_time.js";
import "./new_arrivals.js";
import "./page_title.js";
import "./search_address.js";
import "./send_once.js";
import "./theme_switch.js";
import "./waiting_count.js";

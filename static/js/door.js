// What a page at the door needs, and no more.
import "./connection_status.js";
import "./copy_button.js";
import "./count_down.js";
import "./form_case.js";
import "./keep_typed.js";
import "./local_time.js";
import "./local_zone.js"; // before what looks at how a form was drawn
import "./opened.js";
import "./page_title.js";
import "./save_draft.js";
import "./send_once.js";
